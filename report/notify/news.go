package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linewarden/linewarden/rules"
)

// Item is one finding as it is told.
type Item struct {
	ID         string         `json:"id"`
	Rule       string         `json:"rule"`
	Severity   rules.Severity `json:"severity"`
	State      rules.State    `json:"state"`
	Province   string         `json:"province"`
	Enterprise string         `json:"enterprise_id"`
	Title      rules.Text     `json:"title"`
	FirstSeen  time.Time      `json:"first_seen"`
}

// News is a group of findings that is told in one message.
type News struct {
	Carrier string    `json:"carrier"`
	At      time.Time `json:"at"` // when it was made up
	Items   []Item    `json:"findings"`
}

// Filter says which findings somebody is told of. Empty lists take all.
type Filter struct {
	Severity  rules.Severity // the least; empty takes all
	Rules     []string
	Provinces []string
}

// rank orders severities.
func rank(s rules.Severity) int {
	return slices.Index([]rules.Severity{rules.Low, rules.Medium, rules.High, rules.Critical}, s)
}

// takes tells whether a finding passes.
func (f *Filter) takes(x *rules.Finding) bool {
	return rank(x.Severity) >= rank(f.Severity) &&
		(len(f.Rules) == 0 || slices.Contains(f.Rules, x.Rule)) &&
		(len(f.Provinces) == 0 || slices.Contains(f.Provinces, x.Province))
}

// Group returns the news for somebody of some findings, the most severe first;
// without any that pass, Items is empty.
func Group(carrier string, at time.Time, f Filter, found []rules.Finding) News {
	n := News{Carrier: carrier, At: at.UTC()}
	for i := range found {
		x := &found[i]
		if !f.takes(x) {
			continue
		}
		n.Items = append(n.Items, Item{
			ID: x.ID, Rule: x.Rule, Severity: x.Severity, State: x.State, Province: x.Province,
			Enterprise: x.EnterpriseID, Title: x.Title, FirstSeen: x.FirstSeen.UTC(),
		})
	}
	slices.SortStableFunc(n.Items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(rank(b.Severity), rank(a.Severity)), strings.Compare(a.ID, b.ID))
	})
	return n
}

// subject is a line that says what it is about.
func (n *News) subject() string {
	return fmt.Sprintf("%s：新线索 %d 条 / %d new findings", oneLine(n.Carrier), len(n.Items), len(n.Items))
}

// lines returns a line for each finding in at most limit bytes; what does not
// fit is counted in the last one.
func (n *News) lines(bullet string, limit int) string {
	const reserve = 96 // for the last line
	var b strings.Builder
	for i := range n.Items {
		x := &n.Items[i]
		line := fmt.Sprintf("%s[%s] %s / %s (%s, %s)\n", bullet, x.Severity, oneLine(x.Title.ZH), oneLine(x.Title.EN), x.Rule, x.ID)
		if b.Len()+len(line) > limit-reserve {
			fmt.Fprintf(&b, "%s另有 %d 条 / and %d more\n", bullet, len(n.Items)-i, len(n.Items)-i)
			break
		}
		b.WriteString(line)
	}
	return b.String()
}

// oneLine makes text from ledgers harmless in a line: names may hold anything.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
