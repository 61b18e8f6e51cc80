package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// facility is log audit of RFC 5424 section 6.2.1.
const facility = 13

// priorities are the severities of RFC 5424 section 6.2.1.
var priorities = map[rules.Severity]int{rules.Critical: 2, rules.High: 4, rules.Medium: 5, rules.Low: 6}

// Syslog returns one message of RFC 5424 for each finding, without a frame. The
// structured data has the enterprise number for documentation (RFC 5612).
func Syslog(n *News, host string) []string {
	list := make([]string, 0, len(n.Items))
	for i := range n.Items {
		x := &n.Items[i]
		severity, ok := priorities[x.Severity]
		if !ok {
			severity = 5
		}
		var data strings.Builder
		for _, p := range [][2]string{
			{"id", x.ID},
			{"rule", x.Rule},
			{"severity", string(x.Severity)},
			{"state", string(x.State)},
			{"province", x.Province},
			{"enterprise", x.Enterprise},
		} {
			fmt.Fprintf(&data, " %s=\"%s\"", p[0], parameter(p[1]))
		}
		// The mark of order announces UTF-8 (section 6.4).
		list = append(list, fmt.Sprintf("<%d>1 %s %s linewarden - finding [finding@32473%s] \ufeff%s / %s",
			facility*8+severity, n.At.UTC().Format(time.RFC3339), hostName(host), data.String(), oneLine(x.Title.ZH), oneLine(x.Title.EN)))
	}
	return list
}

// parameter escapes what section 6.3.3 asks for.
func parameter(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`).Replace(oneLine(s))
}

// hostName keeps what HOSTNAME may be: at most 255 printable octets of ASCII.
func hostName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), 255)]
}
