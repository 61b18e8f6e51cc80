package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// Kind is a way to tell people.
type Kind string

// The kinds that are posted.
const (
	Webhook  Kind = "webhook"
	WeCom    Kind = "wecom"
	DingTalk Kind = "dingtalk"
	Feishu   Kind = "feishu"
)

// ErrKind means that nothing can be posted in a way.
var ErrKind = errors.New("no such kind of notification")

// ErrRefused means that the other side took the connection and not the message.
var ErrRefused = errors.New("the message was refused")

// Post is a request of HTTP: its method is POST and its body JSON.
type Post struct {
	URL    string
	Header map[string]string
	Body   []byte
}

// Limits of the robots, in bytes of text: WeCom documents 4096 for markdown,
// DingTalk and Feishu 20 KB for a whole request.
const (
	wecomBytes = 4096
	robotBytes = 16 << 10
)

// NewPost returns what is posted to tell news. The secret signs it; a robot
// without one is told without a signature. Requests are signed for the time now
// and are to be made anew for each attempt, as the robots refuse old ones.
func NewPost(kind Kind, address, secret string, n *News, now time.Time) (*Post, error) {
	switch kind {
	case Webhook:
		return webhook(address, secret, n, now)
	case WeCom:
		return body(address, map[string]any{
			"msgtype": "markdown", "markdown": map[string]string{"content": n.subject() + "\n" + n.lines("> ", wecomBytes-len(n.subject())-1)},
		})
	case DingTalk:
		signed, err := signDingTalk(address, secret, now)
		if err != nil {
			return nil, err
		}
		return body(signed, map[string]any{
			"msgtype": "markdown", "markdown": map[string]string{"title": n.subject(), "text": "#### " + n.subject() + "\n" + n.lines("- ", robotBytes)},
		})
	case Feishu:
		message := map[string]any{"msg_type": "text", "content": map[string]string{"text": n.subject() + "\n" + n.lines("", robotBytes)}}
		if secret != "" {
			at := strconv.FormatInt(now.Unix(), 10)
			// The key is the text to sign, and the message is empty, as Feishu has it.
			message["timestamp"], message["sign"] = at, base64.StdEncoding.EncodeToString(mac(at+"\n"+secret, ""))
		}
		return body(address, message)
	}
	return nil, fmt.Errorf("%w: %q", ErrKind, kind)
}

func body(address string, message any) (*Post, error) {
	b, err := json.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("write the message: %w", err)
	}
	return &Post{URL: address, Header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, Body: b}, nil
}

// The headers of a webhook. The signature is v1= and the HMAC-SHA256, in hex, of
// the time-stamp, a dot and the body, so that neither can be sent again as another.
const (
	TimestampHeader = "X-Linewarden-Timestamp" // seconds since 1970
	SignatureHeader = "X-Linewarden-Signature"
)

func webhook(address, secret string, n *News, now time.Time) (*Post, error) {
	p, err := body(address, n)
	if err != nil {
		return nil, err
	}
	at := strconv.FormatInt(now.Unix(), 10)
	p.Header[TimestampHeader] = at
	if secret != "" {
		p.Header[SignatureHeader] = "v1=" + hex.EncodeToString(mac(secret, at+"."+string(p.Body)))
	}
	return p, nil
}

// signDingTalk adds the time and the signature to the address of a robot.
func signDingTalk(address, secret string, now time.Time) (string, error) {
	if secret == "" {
		return address, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", errors.New("the address of the DingTalk robot is not a URL") // it holds a token
	}
	at := strconv.FormatInt(now.UnixMilli(), 10)
	q := u.Query()
	q.Set("timestamp", at)
	q.Set("sign", base64.StdEncoding.EncodeToString(mac(secret, at+"\n"+secret)))
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func mac(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Answered tells whether a message was taken: by the status, and for robots,
// which answer 200 to everything, by the code in the body.
func Answered(kind Kind, status int, answer []byte) error {
	if status < 200 || status > 299 {
		return fmt.Errorf("%w: HTTP status %d", ErrRefused, status)
	}
	if kind == Webhook {
		return nil
	}
	var a struct {
		ErrCode *int   `json:"errcode"` // WeCom, DingTalk
		ErrMsg  string `json:"errmsg"`
		Code    *int   `json:"code"` // Feishu
		Msg     string `json:"msg"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return fmt.Errorf("%w: the robot's answer is not JSON", ErrRefused)
	}
	code, words := a.ErrCode, a.ErrMsg
	if kind == Feishu {
		code, words = a.Code, a.Msg
	}
	switch {
	case code == nil:
		return fmt.Errorf("%w: the robot's answer has no code", ErrRefused)
	case *code != 0:
		return fmt.Errorf("%w: code %d, %q", ErrRefused, *code, words)
	}
	return nil
}
