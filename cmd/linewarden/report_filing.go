package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/xml"
	"github.com/linewarden/linewarden/report"
	"github.com/linewarden/linewarden/report/signed"
	"github.com/linewarden/linewarden/rules"
)

// filingKind tells the manifest of filings from others.
const filingKind = "filing"

// filingManifest is what is signed.
type filingManifest struct {
	signed.Common
	Carrier string         `json:"carrier"`
	Day     string         `json:"day"`
	Ledgers string         `json:"ledgers_version"`
	Records map[string]int `json:"records"`
	report.Handling
	Note rules.Text `json:"note"`
}

// mostLeft bounds the rows that are named as left out of a filing.
const mostLeft = 20

func newReportFiling(g *globals) *cobra.Command {
	var (
		f  reportFlags
		at string
	)
	c := &cobra.Command{
		Use: "filing --out DIR", Short: "Write the address ledgers as XML files like those of the IP filing", Args: cobra.NoArgs,
		Long: "filing writes units, source blocks, allocations and broadcasts of a day as files like those of the\n" +
			"interface specification for IP address filing V.3.0 (GBK, at most 1000 records a file, in the\n" +
			"order in which they are to be filed), with a signed manifest, and a file like those of the\n" +
			"information security management systems of data centres for each holder of a B11 licence and of\n" +
			"blocks for it. Ledgers hold no persons: contacts are for who files. linewarden registry convert\n" +
			"reads the files back to the same ledgers, and linewarden report envelope seal packs them. Nothing\n" +
			"is sent anywhere.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return g.reportFiling(cmd.Context(), &f, at)
		},
	}
	f.bind(c, rules.Text{ZH: "IP 地址备案", EN: "filing of IP addresses"})
	c.Flags().StringVar(&at, "at", "", "`day` whose ledgers are written (default: today)")
	return c
}

func (g *globals) reportFiling(ctx context.Context, f *reportFlags, at string) error {
	cfg, err := g.config()
	if err != nil {
		return err
	}
	day, err := dayOf(at, cfg.location)
	if err != nil {
		return err
	}
	privacy, err := f.privacy(cfg, f.language, day)
	if err != nil {
		return err
	}
	if err := vacant(f.out); err != nil {
		return err
	}
	key, err := signed.OpenKey(keyDir(cfg))
	if err != nil {
		return err
	}
	if privacy.By, err = f.permit(ctx, cfg, g.err, "filing/"+day.String()); err != nil {
		return err
	}
	return g.withStore(ctx, cfg, func(s *opened) error {
		snapshot, err := s.snapshot(ctx, cfg, g.logger())
		if err != nil {
			return err
		}
		version, err := s.ledgerVersion(ctx)
		if err != nil {
			return err
		}
		m := filingManifest{
			Carrier: cfg.Carrier.Name, Day: day.String(), Ledgers: version.ID, Handling: privacy.Handling(),
			Note: rules.Text{ZH: "按备案接口规范 V.3.0 样式生成，未上报；联系人信息由填报单位补充。", EN: "In the manner of the filing interface V.3.0, and not handed in; contacts are added by who files."},
		}
		files, left, err := filingFiles(snapshot, day, privacy.Veil(snapshot).Replace, &m)
		if err != nil {
			return err
		}
		m.Common = signed.List(filingKind, 1, files, key)
		if err := signed.Seal(files, m, key); err != nil {
			return err
		}
		if err := writeDirWhole(f.out, files); err != nil {
			return err
		}
		g.sayLeft(left)
		fmt.Fprintf(g.err, "%s: %d files about %s (%d units, %d source blocks, %d allocations, %d broadcasts), signed with key %s\n", f.out, len(files), day,
			m.Records["Bbdw"], m.Records["Ly"], m.Records["Fpsy"], m.Records["Gbxx"], signed.KeyID(signed.PublicOf(key)))
		if n := m.Records["basicInfo"]; n > 0 {
			fmt.Fprintf(g.err, "%s: %d files of data centres (%d places, %d users) are among them\n", f.out, n, m.Records["houseInfo"], m.Records["userInfo"])
		}
		return nil
	})
}

// filingFiles writes the files of a day, counts their records in the manifest, and
// says what is in none of them.
func filingFiles(s *registry.Snapshot, day registry.Date, name func(string) string, m *filingManifest) (map[string][]byte, []registry.Problem, error) {
	written, err := xml.WriteFilings(s, day, name)
	if err != nil {
		return nil, nil, err
	}
	centres, err := xml.WriteDatacentres(s, day, name)
	if err != nil {
		return nil, nil, err
	}
	if len(written.Files) == 0 && len(centres) == 0 {
		return nil, nil, fmt.Errorf("the ledgers have no source block, allocation or broadcast on %s; see linewarden registry import", day)
	}
	m.Records = written.Records
	for i := range centres {
		m.Records["basicInfo"]++
		m.Records["houseInfo"] += centres[i].Houses
		m.Records["userInfo"] += centres[i].Users
	}
	files, err := namedFilings(written.Files, centres)
	return files, written.Left, err
}

// dayOf reads the day of --at, which is today where it is empty.
func dayOf(at string, loc *time.Location) (registry.Date, error) {
	if at == "" {
		return registry.DateOf(time.Now().In(loc)), nil
	}
	day, err := registry.ParseDate(at)
	if err != nil {
		return 0, usagef("--at: %w", err)
	}
	return day, nil
}

// namedFilings names the files in the order in which they are to be filed, and
// checks each against the schema; those of data centres are named alike.
func namedFilings(texts [][]byte, centres []xml.Datacentre) (map[string][]byte, error) {
	files := make(map[string][]byte, len(texts)+len(centres))
	for i, text := range texts {
		files[fmt.Sprintf("ip-%04d.xml", i+1)] = text
	}
	for i := range centres {
		files[fmt.Sprintf("idc-%04d.xml", i+1)] = centres[i].Text
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := validFiling(name, files[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, nil
}

// validFiling checks a file against the schema.
func validFiling(name string, text []byte) error {
	if problems := xml.Validate(name, bytes.NewReader(text)); len(problems) > 0 {
		return fmt.Errorf("it does not fit the schema: %s (%d problems)", problems[0], len(problems))
	}
	return nil
}

// sayLeft names what is in no file.
func (g *globals) sayLeft(left []registry.Problem) {
	for i, p := range left {
		if i == mostLeft {
			fmt.Fprintf(g.err, "… and %d more rows\n", len(left)-i)
			return
		}
		fmt.Fprintln(g.err, p)
	}
}
