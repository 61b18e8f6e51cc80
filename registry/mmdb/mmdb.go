package mmdb

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/linewarden/linewarden/registry"
)

// Databases are asked one after the other for what the ones before do not know.
// They are safe for concurrent use.
type Databases struct {
	files []*database
}

var _ registry.RemoteLookup = (*Databases)(nil)

// database is one file. Its records are decoded once: a file has far fewer of
// them than addresses.
type database struct {
	name   string
	reader *maxminddb.Reader

	mu      sync.RWMutex // guards everything below
	records map[uintptr]registry.Remote
}

// maxRecords is how many decoded records of a file are kept: those of the
// largest ASN databases fit in. At the limit the rest are decoded each time.
const maxRecords = 200_000

// Open opens files in the order in which they are asked. Files stay mapped into
// memory until the Databases are collected; one that is replaced by renaming
// another over it is read as it was until it is opened again.
func Open(files ...string) (*Databases, error) {
	d := &Databases{}
	for _, name := range files {
		r, err := maxminddb.Open(name)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w; it must be a file of the MaxMind DB format (.mmdb)", name, err), d.Close())
		}
		d.files = append(d.files, &database{name: name, reader: r, records: make(map[uintptr]registry.Remote)})
	}
	return d, nil
}

// Close ends the use of the files. Nothing may be looked up afterwards.
func (d *Databases) Close() error {
	var err error
	for _, f := range d.files {
		err = errors.Join(err, f.reader.Close())
	}
	return err
}

// Remote implements registry.RemoteLookup. A record that cannot be read is
// unknown.
func (d *Databases) Remote(addr netip.Addr) registry.Remote {
	var r registry.Remote
	addr = addr.Unmap()
	if !addr.IsValid() {
		return r
	}
	for _, f := range d.files {
		more := f.remote(addr)
		if r.Country == "" {
			r.Country = more.Country
		}
		if r.ASN == 0 {
			r.ASN = more.ASN
		}
		if r.Country != "" && r.ASN != 0 {
			break
		}
	}
	return r
}

func (f *database) remote(addr netip.Addr) registry.Remote {
	if addr.Is6() && f.reader.Metadata.IPVersion == 4 {
		return registry.Remote{} // the file knows no such address
	}
	found := f.reader.Lookup(addr)
	if !found.Found() {
		return registry.Remote{}
	}
	at := found.Offset()
	f.mu.RLock()
	r, known := f.records[at]
	f.mu.RUnlock()
	if known {
		return r
	}
	r = decode(found)
	f.mu.Lock()
	if len(f.records) < maxRecords {
		f.records[at] = r
	}
	f.mu.Unlock()
	return r
}

// record is what is taken of a record.
type record struct {
	Country struct {
		ISOCode string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Registered struct {
		ISOCode string `maxminddb:"iso_code"`
	} `maxminddb:"registered_country"`
	ASN uint32 `maxminddb:"autonomous_system_number"`
}

// plain is a record of files that write them flat, such as those of IPinfo.
type plain struct {
	Country     string `maxminddb:"country"`
	CountryCode string `maxminddb:"country_code"`
	ASN         string `maxminddb:"asn"`
}

func decode(found maxminddb.Result) registry.Remote {
	var r record
	if err := found.Decode(&r); err == nil {
		code := country(r.Country.ISOCode)
		if code == "" {
			code = country(r.Registered.ISOCode)
		}
		if code != "" || r.ASN != 0 {
			return registry.Remote{Country: code, ASN: r.ASN}
		}
	}
	var p plain
	if err := found.Decode(&p); err != nil {
		return registry.Remote{}
	}
	code := country(p.CountryCode)
	if code == "" {
		code = country(p.Country)
	}
	asn, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(p.ASN), "AS"), 10, 32)
	if err != nil {
		asn = 0
	}
	return registry.Remote{Country: code, ASN: uint32(asn)}
}

// country returns a code of two letters in capitals (ISO 3166-1 alpha-2), or
// nothing.
func country(text string) string {
	if len(text) != 2 {
		return ""
	}
	text = strings.ToUpper(text)
	for i := range len(text) {
		if text[i] < 'A' || text[i] > 'Z' {
			return ""
		}
	}
	return text
}
