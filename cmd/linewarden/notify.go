package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/report/notify"
	"github.com/linewarden/linewarden/rules"
	"github.com/linewarden/linewarden/storage"
)

// A target of notifications is an entry of notify in the configuration:
//
//	webhook, wecom, dingtalk, feishu  https://…#secret   the fragment signs and is never sent
//	syslog                            udp://host:514 or tcp://host:601
//	email                             smtp://user:password@host:587?from=a@example.com&to=b@example.com
type target struct {
	NotifyConfig
	at   *url.URL
	name string // in the queue; the address without what is secret in it
}

// tellTime bounds one delivery.
const tellTime = 20 * time.Second

// newTargets reads the targets of the configuration.
func newTargets(list []NotifyConfig) (targets []target, err error) {
	for i, c := range list {
		bad := func(format string, args ...any) error {
			return fmt.Errorf("notify[%d]: %w", i, fmt.Errorf(format, args...))
		}
		u, err := url.Parse(c.URL)
		if err != nil || u.Host == "" {
			return nil, bad("url is no URL with a host") // it may hold a secret
		}
		var schemes []string
		switch c.Kind {
		case string(notify.Webhook), string(notify.WeCom), string(notify.DingTalk), string(notify.Feishu):
			schemes = []string{"https", "http"}
		case "syslog":
			schemes = []string{"udp", "tcp"}
		case "email":
			schemes = []string{"smtp"}
			if u.Query().Get("from") == "" || u.Query().Get("to") == "" {
				return nil, bad("url needs ?from= and &to=")
			}
		default:
			return nil, bad("kind %q is none of webhook, email, syslog, wecom, dingtalk, feishu", c.Kind)
		}
		if !slices.Contains(schemes, u.Scheme) {
			return nil, bad("the url of %s begins with %s", c.Kind, strings.Join(schemes, "// or ")+"://")
		}
		if err := c.checkFilter(); err != nil {
			return nil, bad("%w", err)
		}
		targets = append(targets, target{c, u, fmt.Sprintf("%d %s %s", i, c.Kind, u.Host)})
	}
	return targets, nil
}

// checkFilter checks which findings are told of.
func (c *NotifyConfig) checkFilter() error {
	if c.Severity != "" && !slices.Contains([]rules.Severity{rules.Low, rules.Medium, rules.High, rules.Critical}, rules.Severity(c.Severity)) {
		return fmt.Errorf("severity %q is none of low, medium, high, critical", c.Severity)
	}
	for _, p := range c.Provinces {
		if len(p) != 2 || strings.Trim(p, "0123456789") != "" {
			return fmt.Errorf("province %q is not a code of two digits (GB/T 2260)", p)
		}
	}
	return nil
}

// teller tells people of findings that are new since it last looked.
type teller struct {
	targets []target
	queue   *notify.Queue
	found   func(context.Context) ([]rules.Finding, error) // those that are open
	known   string                                         // file of the ids it has told
	carrier string
	client  *http.Client
	log     *slog.Logger
}

// newTeller keeps its queue below dir.
func newTeller(targets []target, dir, carrier string, found func(context.Context) ([]rules.Finding, error), log *slog.Logger) (*teller, error) {
	queue, err := notify.Open(filepath.Join(dir, "queue"))
	if err != nil {
		return nil, err
	}
	return &teller{
		targets: targets, queue: queue, found: found, known: filepath.Join(dir, "told.json"), carrier: carrier, log: log,
		client: &http.Client{Timeout: tellTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// run looks and delivers from time to time until ctx ends. What is under way
// then stays in the queue.
func (t *teller) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := t.look(ctx, time.Now()); err != nil && ctx.Err() == nil {
			t.log.Error("people were not told of findings, which is tried again", "error", err)
		}
		t.deliver(ctx, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look queues the findings that are new. What is open when it looks for the
// first time is known: nobody wants to be told of a year at once.
func (t *teller) look(ctx context.Context, now time.Time) error {
	var told []string
	text, err := os.ReadFile(t.known)
	first := errors.Is(err, fs.ErrNotExist)
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	if err != nil && !first {
		return fmt.Errorf("read what was told: %w", err)
	}
	found, err := t.found(ctx)
	if err != nil {
		return err
	}
	var fresh []rules.Finding
	open := make([]string, 0, len(found))
	slices.Sort(told)
	for i := range found {
		open = append(open, found[i].ID)
		if _, known := slices.BinarySearch(told, found[i].ID); !known && !first {
			fresh = append(fresh, found[i])
		}
	}
	for _, to := range t.targets {
		n := notify.Group(t.carrier, now, notify.Filter{Severity: rules.Severity(to.Severity), Rules: to.Rules, Provinces: to.Provinces}, fresh)
		if len(n.Items) == 0 {
			continue
		}
		if err := t.queue.Put(to.name, n); err != nil {
			return err
		}
	}
	// After the queue has them: people are rather told twice than never.
	text, err = json.Marshal(open)
	if err != nil {
		return fmt.Errorf("keep what was told: %w", err)
	}
	return writeFileWhole(t.known, text)
}

// deliver tries what is due.
func (t *teller) deliver(ctx context.Context, now time.Time) {
	for _, w := range t.queue.Due(now) {
		i := slices.IndexFunc(t.targets, func(to target) bool { return to.name == w.Target })
		if i < 0 { // no longer configured
			t.settle(w.ID, t.queue.Done(w.ID))
			continue
		}
		within, cancel := context.WithTimeout(ctx, tellTime)
		err := t.send(within, &t.targets[i], &w, now)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			t.log.Warn("a notification was not delivered and is tried again", "target", w.Target, "tries", w.Tries+1, "error", err)
			t.settle(w.ID, t.queue.Failed(w.ID, now))
		default:
			t.settle(w.ID, t.queue.Done(w.ID))
		}
	}
}

func (t *teller) settle(id string, err error) {
	if err != nil {
		t.log.Error("the queue of notifications cannot be written", "notification", id, "error", err)
	}
}

// send delivers one message.
func (t *teller) send(ctx context.Context, to *target, w *notify.Waiting, now time.Time) error {
	switch to.Kind {
	case "syslog":
		return sendSyslog(ctx, to.at, &w.News)
	case "email":
		return sendMail(ctx, to.at, w)
	}
	at := *to.at
	at.Fragment, at.RawFragment = "", ""
	post, err := notify.NewPost(notify.Kind(to.Kind), at.String(), to.at.Fragment, &w.News, now)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, post.URL, bytes.NewReader(post.Body))
	if err != nil {
		return errors.New("the url cannot be posted to") // its words hold the token
	}
	for k, v := range post.Header {
		req.Header.Set(k, v)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL, which holds the token
		}
		return fmt.Errorf("post to %s: %w", to.at.Host, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return fmt.Errorf("read the answer of %s: %w", to.at.Host, err)
	}
	return notify.Answered(notify.Kind(to.Kind), resp.StatusCode, body)
}

// sendSyslog sends a datagram for each finding (RFC 5426), or over TCP frames
// with their length before them (RFC 6587 section 3.4.1).
func sendSyslog(ctx context.Context, at *url.URL, n *notify.News) (err error) {
	host, err := os.Hostname()
	if err != nil {
		host = "" // which is told as -
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, at.Scheme, at.Host)
	if err != nil {
		return fmt.Errorf("syslog: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if limit, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(limit); err != nil {
			return fmt.Errorf("syslog: %w", err)
		}
	}
	for _, m := range notify.Syslog(n, host) {
		if at.Scheme == "tcp" {
			m = fmt.Sprintf("%d %s", len(m), m)
		}
		if _, err := io.WriteString(c, m); err != nil {
			return fmt.Errorf("syslog: %w", err)
		}
	}
	return nil
}

// sendMail gives a mail to a server, by TLS where it has STARTTLS (RFC 3207);
// net/smtp refuses to send a password without, but to this machine.
func sendMail(ctx context.Context, at *url.URL, w *notify.Waiting) (err error) {
	from, to := at.Query().Get("from"), strings.Split(at.Query().Get("to"), ",")
	message, err := notify.Mail(&w.News, from, to, w.ID)
	if err != nil {
		return err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", at.Host)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if limit, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(limit); err != nil {
			return errors.Join(fmt.Errorf("mail: %w", err), conn.Close())
		}
	}
	c, err := smtp.NewClient(conn, at.Hostname())
	if err != nil {
		return errors.Join(fmt.Errorf("mail: %w", err), conn.Close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("mail: %w", err), c.Close())
		}
	}()
	if err := greetMail(c, at); err != nil {
		return err
	}
	if err := c.Mail(from); err != nil {
		return err
	}
	for _, r := range to {
		if err := c.Rcpt(r); err != nil {
			return err
		}
	}
	body, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := body.Write(message); err != nil {
		return err
	}
	if err := body.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// greetMail makes the connection safe and logs in.
func greetMail(c *smtp.Client, at *url.URL) error {
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{ServerName: at.Hostname(), MinVersion: tls.VersionTLS12}); err != nil {
			return fmt.Errorf("starttls: %w", err)
		}
	}
	if at.User == nil {
		return nil
	}
	password, _ := at.User.Password()
	if err := c.Auth(smtp.PlainAuth("", at.User.Username(), password, at.Hostname())); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// lookTime is how often new findings are looked for.
const lookTime = time.Minute

// tell tells people of new findings until ctx ends. Of several daemons on one
// store one does; another that takes over knows what it has told itself.
func (d *daemon) tell(ctx context.Context) error {
	if len(d.cfg.Notify) == 0 {
		return nil
	}
	targets, err := newTargets(d.cfg.Notify)
	if err != nil {
		return err
	}
	name, err := identity(d.cfg.DataDir)
	if err != nil {
		return err
	}
	open := func(ctx context.Context) ([]rules.Finding, error) {
		return d.store.Findings(ctx, rules.FindingFilter{State: rules.Open})
	}
	t, err := newTeller(targets, filepath.Join(d.cfg.DataDir, "notify"), d.cfg.Carrier.Name, open, d.log)
	if err != nil {
		return err
	}
	return d.store.NewLease(storage.LeaseConfig{Name: "notify", Holder: name}).Lead(ctx, func(ctx context.Context, _ uint64) {
		t.run(ctx, lookTime)
	})
}
