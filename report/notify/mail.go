package notify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"time"
)

// mailBytes bounds the text of a mail.
const mailBytes = 256 << 10

// Mail returns a message of RFC 5322 in UTF-8. Addresses are checked, so that
// none can add a header. The id makes Message-ID: the same for each attempt, so
// that a mail that came twice is known as one.
func Mail(n *News, from string, to []string, id string) ([]byte, error) {
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("the sender %q is no mail address: %w", from, err)
	}
	var recipients []string
	for _, r := range to {
		a, err := mail.ParseAddress(r)
		if err != nil {
			return nil, fmt.Errorf("the recipient %q is no mail address: %w", r, err)
		}
		recipients = append(recipients, a.String())
	}
	_, domain, _ := strings.Cut(sender.Address, "@")
	var b bytes.Buffer
	for _, h := range [][2]string{
		{"From", sender.String()},
		{"To", strings.Join(recipients, ", ")},
		{"Subject", mime.BEncoding.Encode("utf-8", n.subject())},
		{"Date", n.At.Format(time.RFC1123Z)},
		{"Message-ID", "<" + oneLine(id) + "@" + domain + ">"},
		{"Auto-Submitted", "auto-generated"}, // RFC 3834: no vacation answers
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "base64"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	text := base64.StdEncoding.EncodeToString([]byte(n.subject() + "\n\n" + n.lines("- ", mailBytes)))
	const line = 76 // RFC 2045 section 6.8
	for len(text) > line {
		b.WriteString(text[:line] + "\r\n")
		text = text[line:]
	}
	b.WriteString(text + "\r\n")
	return b.Bytes(), nil
}
