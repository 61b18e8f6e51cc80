package mmdb_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/registry/mmdb"
)

// write makes a database of networks and records.
func write(tb testing.TB, version int, records map[string]mmdbtype.DataType) string {
	tb.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test", IPVersion: version, IncludeReservedNetworks: true})
	if err != nil {
		tb.Fatal(err)
	}
	for network, record := range records {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			tb.Fatal(err)
		}
		if err := tree.Insert(n, record); err != nil {
			tb.Fatal(err)
		}
	}
	name := filepath.Join(tb.TempDir(), "test.mmdb")
	f, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := tree.WriteTo(f); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return name
}

func inCountry(code string) mmdbtype.Map {
	return mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code), "names": mmdbtype.Map{"en": mmdbtype.String("x")}}}
}

func countries(tb testing.TB) string {
	tb.Helper()
	return write(tb, 6, map[string]mmdbtype.DataType{
		"203.0.113.0/24": inCountry("US"), "2001:db8::/32": inCountry("jp"), "198.51.100.0/24": inCountry("??"),
		"192.0.2.0/24": mmdbtype.Map{"registered_country": mmdbtype.Map{"iso_code": mmdbtype.String("HK")}},
	})
}

func networks(tb testing.TB) string {
	tb.Helper()
	return write(tb, 4, map[string]mmdbtype.DataType{
		"203.0.113.0/25":  mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64511), "autonomous_system_organization": mmdbtype.String("x")},
		"198.51.100.0/24": mmdbtype.Map{"asn": mmdbtype.String("AS64512"), "country_code": mmdbtype.String("DE"), "country": mmdbtype.String("Germany")},
		"192.0.2.0/24":    mmdbtype.String("no map at all"),
	})
}

func open(tb testing.TB, files ...string) *mmdb.Databases {
	tb.Helper()
	d, err := mmdb.Open(files...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func TestRemote(t *testing.T) {
	d := open(t, countries(t), networks(t))
	for addr, want := range map[string]registry.Remote{
		"203.0.113.5":        {Country: "US", ASN: 64511},
		"203.0.113.200":      {Country: "US"},
		"::ffff:203.0.113.5": {Country: "US", ASN: 64511},
		"2001:db8::1":        {Country: "JP"},
		"198.51.100.1":       {Country: "DE", ASN: 64512},
		"192.0.2.1":          {Country: "HK"},
		"8.8.8.8":            {},
		"2001:db9::1":        {},
	} {
		for range 2 { // from the file, and from what was decoded before
			if got := d.Remote(netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s: %+v, want %+v", addr, got, want)
			}
		}
	}
	if got := d.Remote(netip.Addr{}); got != (registry.Remote{}) {
		t.Errorf("no address: %+v", got)
	}
}

// TestFallback has the ledger of networks go before the databases, field by
// field.
func TestFallback(t *testing.T) {
	l := &registry.Ledgers{Networks: []registry.Network{
		{Prefix: netip.MustParsePrefix("203.0.113.0/26"), Country: "CN", Kind: "cloud"},
		{Prefix: netip.MustParsePrefix("203.0.113.64/26"), ASN: 65000},
	}}
	v := registry.NewSnapshot(l, nil, registry.WithRemotes(open(t, countries(t), networks(t)))).At(1)
	for addr, want := range map[string]registry.Remote{
		"203.0.113.5":   {Country: "CN", Kind: "cloud", ASN: 64511},
		"203.0.113.70":  {Country: "US", ASN: 65000},
		"203.0.113.200": {Country: "US"},
	} {
		if got := v.Remote(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %+v, want %+v", addr, got, want)
		}
	}
	if got := v.RemoteASN(netip.MustParseAddr("203.0.113.5")); got != 64511 {
		t.Errorf("AS%d", got)
	}
	if none := registry.NewSnapshot(l, nil).At(1); none.RemoteASN(netip.MustParseAddr("203.0.113.5")) != 0 || none.Remote(netip.MustParseAddr("203.0.113.70")).Country != "" {
		t.Error("something is known without a database")
	}
}

func TestConcurrentUseAllocatesNothing(t *testing.T) {
	d := open(t, countries(t), networks(t))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				d.Remote(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
			}
		})
	}
	wg.Wait()
	addr := netip.MustParseAddr("203.0.113.5")
	if n := testing.AllocsPerRun(100, func() { d.Remote(addr) }); n != 0 {
		t.Errorf("a look-up allocates %v times", n)
	}
}

func TestOpenFails(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bad.mmdb")
	if err := os.WriteFile(name, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{name, filepath.Join(t.TempDir(), "none.mmdb")} {
		if _, err := mmdb.Open(countries(t), file); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// FuzzRemote looks addresses up in damaged files.
func FuzzRemote(f *testing.F) {
	text, err := os.ReadFile(countries(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, []byte{203, 0, 113, 5})
	f.Add(text[:len(text)/2], []byte{203, 0, 113, 5})
	f.Fuzz(func(t *testing.T, text, addr []byte) {
		a, ok := netip.AddrFromSlice(addr)
		if !ok {
			return
		}
		name := filepath.Join(t.TempDir(), "fuzz.mmdb")
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := mmdb.Open(name)
		if err != nil {
			return
		}
		defer func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}()
		if r := d.Remote(a); len(r.Country) != 0 && len(r.Country) != 2 {
			t.Errorf("country %q", r.Country)
		}
	})
}
