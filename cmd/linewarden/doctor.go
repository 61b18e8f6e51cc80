package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/rules"
)

// The grades of a diagnosis.
const (
	gradeOK   = "ok"
	gradeWarn = "warn" // works, but loses something or soon will
	gradeFail = "fail" // does not work, or loses data now
)

// diagnosis is what one check has found.
type diagnosis struct {
	Status  string     `json:"status"` // ok, warn, fail
	Check   string     `json:"check"`
	Subject string     `json:"subject,omitempty"` // the address, file or exporter meant
	Found   rules.Text `json:"found"`
	Remedy  rules.Text `json:"remedy,omitzero"` // empty when nothing is to be done
	// Vendors says, for trouble with a router, how it is mended there.
	Vendors []vendorRemedy `json:"vendors,omitempty"`

	trouble trouble // names the vendors' remedies that are printed once at the end
}

// doctor goes through the checks and keeps what they find.
type doctor struct {
	cfg    *Config
	now    time.Time
	list   []diagnosis
	daemon *daemonState // nil when no daemon runs on the data directory
}

func newDoctor(g *globals) *cobra.Command {
	var format, vendor string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check configuration, host, engine, ledgers, exporters and peers",
		Long: "doctor checks what a daemon needs and, where one runs, how it is: configuration, sockets and\n" +
			"their buffers, disks, clock, engine and schema, ledgers, exporters, sessions, spool. Each line is\n" +
			"ok, warn or fail, with what was found and the remedy. It changes nothing, and exits 1 on any fail.\n" +
			"Run it as the user of the daemon: the files of another user's engine are left alone.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if vendor != "" {
				if err := oneOf("vendor", vendor, vendorNames()...); err != nil {
					return err
				}
			}
			return g.examine(cmd.Context(), format, vendor)
		},
	}
	formatFlag(c.Flags(), &format, "text", "json")
	c.Flags().StringVar(&vendor, "vendor", "", "print router commands of this vendor only: "+strings.Join(vendorNames(), ", "))
	return c
}

// examine runs the checks and prints their list.
func (g *globals) examine(ctx context.Context, format, vendor string) error {
	d := &doctor{now: time.Now()}
	cfg, err := g.config()
	if err != nil {
		d.fail("config", "", text("配置不能使用："+err.Error(), "the configuration cannot be used: "+err.Error()),
			text("按所列行列改正配置文件", "correct the file at the lines and columns named"))
	} else {
		d.cfg = cfg
		d.examineAll(ctx, g)
	}
	for i := range d.list {
		d.list[i].Vendors = remediesFor(d.list[i].trouble, vendor)
	}
	if format == "json" {
		err = report.WriteJSON(g.out, d.list)
	} else {
		_, err = g.out.Write([]byte(d.text(vendor)))
	}
	if err == nil && d.worst() == gradeFail {
		return errSilent
	}
	return err
}

// examineAll runs every check in the order in which trouble spreads: a later
// one is often explained by an earlier one.
func (d *doctor) examineAll(ctx context.Context, g *globals) {
	d.checkConfig(g)
	d.checkCertificate()
	d.askDaemon(ctx)
	d.checkSockets(ctx)
	d.checkBuffers()
	d.checkDisks()
	d.checkClock()
	d.checkLedgerFiles()
	d.checkStore(ctx, g.logger())
	d.checkSessions()
	d.checkSpool()
}

// text is a sentence in both languages.
func text(zh, en string) rules.Text { return rules.Text{ZH: zh, EN: en} }

func (d *doctor) add(status, check, subject string, found, remedy rules.Text) *diagnosis {
	d.list = append(d.list, diagnosis{Status: status, Check: check, Subject: subject, Found: found, Remedy: remedy})
	return &d.list[len(d.list)-1]
}

func (d *doctor) ok(check, subject string, found rules.Text) {
	d.add(gradeOK, check, subject, found, rules.Text{})
}

func (d *doctor) warn(check, subject string, found, remedy rules.Text) *diagnosis {
	return d.add(gradeWarn, check, subject, found, remedy)
}

func (d *doctor) fail(check, subject string, found, remedy rules.Text) *diagnosis {
	return d.add(gradeFail, check, subject, found, remedy)
}

// worst returns the worst grade of all.
func (d *doctor) worst() string {
	worst := gradeOK
	for _, x := range d.list {
		if x.Status == gradeFail {
			return gradeFail
		}
		if x.Status == gradeWarn {
			worst = gradeWarn
		}
	}
	return worst
}

// text writes a line for each diagnosis, its remedy below, and then once for
// each kind of trouble what to enter on the routers of each vendor.
func (d *doctor) text(vendor string) string {
	var b strings.Builder
	count := make(map[string]int)
	var troubles []trouble
	for _, x := range d.list {
		count[x.Status]++
		head := x.Check
		if x.Subject != "" {
			head += "  " + x.Subject
		}
		fmt.Fprintf(&b, "%-4s  %s  %s\n      %s\n", x.Status, head, x.Found.ZH, x.Found.EN)
		if x.Remedy != (rules.Text{}) {
			fmt.Fprintf(&b, "      → %s\n      → %s\n", x.Remedy.ZH, x.Remedy.EN)
		}
		if x.trouble != "" && !slices.Contains(troubles, x.trouble) {
			troubles = append(troubles, x.trouble)
		}
	}
	for _, t := range troubles {
		name := troubleNames[t]
		fmt.Fprintf(&b, "\n路由器侧处理：%s / on the router: %s\n", name.ZH, name.EN)
		for _, r := range remediesFor(t, vendor) {
			fmt.Fprintf(&b, "  %s\n", r.Vendor)
			for _, c := range r.Commands {
				fmt.Fprintf(&b, "    %s\n", c)
			}
		}
	}
	fmt.Fprintf(&b, "\n%d ok, %d warn, %d fail\n", count[gradeOK], count[gradeWarn], count[gradeFail])
	return b.String()
}

func (d *doctor) checkConfig(g *globals) {
	name := cmp.Or(g.configFile, os.Getenv("LINEWARDEN_CONFIG"), "(defaults)")
	d.ok("config", name, text("配置可读且自洽", "the configuration is readable and consistent"))
}

// plain returns the words of an error on one line.
func plain(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
