package rib

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// maxVRPs bounds what a file may hold; the whole RPKI had about 800,000 in 2025.
const maxVRPs = 10_000_000

// ErrVRPFormat says that a file is none of the known formats.
var ErrVRPFormat = errors.New("neither JSON with a list \"roas\" nor CSV with a column \"ASN\"")

// ReadVRPs reads payloads as rpki-client (-j, -c) and Routinator (json,
// jsonext apart, csv) write them; the format is told by the first character. A
// file with one bad payload fails as a whole, since half a file would make valid
// routes invalid. Unknown members and columns are skipped.
func ReadVRPs(from io.Reader) ([]VRP, error) {
	in := bufio.NewReader(from)
	for {
		c, err := in.ReadByte()
		if err != nil {
			return nil, fmt.Errorf("read payloads: %w: %w", ErrVRPFormat, err)
		}
		if bytes.IndexByte([]byte(" \t\r\n\xef\xbb\xbf"), c) >= 0 {
			continue
		}
		if err := in.UnreadByte(); err != nil {
			return nil, fmt.Errorf("read payloads: %w", err)
		}
		if c == '{' {
			return readJSON(in)
		}
		return readCSV(in)
	}
}

// jsonVRP is one element of "roas".
type jsonVRP struct {
	ASN       jsonASN `json:"asn"`
	Prefix    string  `json:"prefix"`
	MaxLength *uint8  `json:"maxLength"`
	Expires   int64   `json:"expires"` // Unix seconds, rpki-client alone
}

// jsonASN is a number, or a text as "AS64496".
type jsonASN struct {
	asn   uint32
	given bool
}

// UnmarshalJSON reads both forms.
func (a *jsonASN) UnmarshalJSON(data []byte) error {
	asn, err := parseASN(strings.Trim(string(data), `"`))
	*a = jsonASN{asn, true}
	return err
}

func parseASN(text string) (uint32, error) {
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "AS"), "as")
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("read the AS number %q: %w", text, err)
	}
	return uint32(n), nil
}

// readJSON reads the list "roas" one payload at a time.
func readJSON(in io.Reader) ([]VRP, error) {
	d := json.NewDecoder(in)
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read payloads: %w", err)
	}
	var list []VRP
	found := false
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("read payloads: %w", err)
		}
		if name != "roas" {
			var skipped json.RawMessage
			if err := d.Decode(&skipped); err != nil {
				return nil, fmt.Errorf("read payloads: skip %v: %w", name, err)
			}
			continue
		}
		found = true
		if list, err = readRoas(d, list); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read payloads: %w", err)
	}
	if !found {
		return nil, fmt.Errorf("read payloads: %w", ErrVRPFormat)
	}
	return list, nil
}

func readRoas(d *json.Decoder, list []VRP) ([]VRP, error) {
	open, err := d.Token()
	if err != nil {
		return nil, fmt.Errorf("read payloads: %w", err)
	}
	if open != json.Delim('[') {
		return nil, fmt.Errorf("read payloads: %w", ErrVRPFormat)
	}
	for d.More() {
		var j jsonVRP
		if err := d.Decode(&j); err != nil {
			return nil, fmt.Errorf("read payload %d: %w", len(list)+1, err)
		}
		if !j.ASN.given {
			return nil, fmt.Errorf("read payload %d: no asn", len(list)+1)
		}
		v, err := newVRP(j.ASN.asn, j.Prefix, j.MaxLength, j.Expires)
		if err != nil {
			return nil, fmt.Errorf("read payload %d: %w", len(list)+1, err)
		}
		if list = append(list, v); len(list) > maxVRPs {
			return nil, fmt.Errorf("read payloads: more than %d", maxVRPs)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, fmt.Errorf("read payloads: %w", err)
	}
	return list, nil
}

// newVRP checks what a file says. Without a maximum length the prefix's own counts (RFC 9582 section 4.3.2.2).
func newVRP(asn uint32, prefix string, maxLength *uint8, expires int64) (VRP, error) {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		return VRP{}, fmt.Errorf("read the prefix: %w", err)
	}
	v := VRP{Prefix: p, MaxLength: uint8(p.Bits()), ASN: asn}
	if maxLength != nil {
		v.MaxLength = *maxLength
	}
	if expires != 0 {
		v.Expires = time.Unix(expires, 0).UTC()
	}
	return v, v.check()
}

// readCSV reads columns "ASN", "IP Prefix", "Max Length" and, if there,
// "Expires", by the names in the first line.
func readCSV(in io.Reader) ([]VRP, error) {
	r := csv.NewReader(in)
	r.ReuseRecord, r.FieldsPerRecord = true, -1
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read payloads: %w: %w", ErrVRPFormat, err)
	}
	column := map[string]int{"ASN": -1, "IP Prefix": -1, "Max Length": -1, "Expires": -1}
	for i, name := range head {
		if _, known := column[strings.TrimSpace(name)]; known {
			column[strings.TrimSpace(name)] = i
		}
	}
	if column["ASN"] < 0 || column["IP Prefix"] < 0 || column["Max Length"] < 0 {
		return nil, fmt.Errorf("read payloads: %w", ErrVRPFormat)
	}
	var list []VRP
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read payload %d: %w", len(list)+1, err)
		}
		v, err := rowVRP(row, column)
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("read line %d: %w", line, err)
		}
		if list = append(list, v); len(list) > maxVRPs {
			return nil, fmt.Errorf("read payloads: more than %d", maxVRPs)
		}
	}
}

func rowVRP(row []string, column map[string]int) (VRP, error) {
	field := func(name string) string {
		if i := column[name]; i >= 0 && i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	asn, err := parseASN(field("ASN"))
	if err != nil {
		return VRP{}, err
	}
	var longest *uint8
	if text := field("Max Length"); text != "" {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil {
			return VRP{}, fmt.Errorf("read the maximum length: %w", err)
		}
		m := uint8(n)
		longest = &m
	}
	var expires int64
	if text := field("Expires"); text != "" {
		if expires, err = strconv.ParseInt(text, 10, 64); err != nil {
			return VRP{}, fmt.Errorf("read the time of expiry: %w", err)
		}
	}
	return newVRP(asn, field("IP Prefix"), longest, expires)
}
