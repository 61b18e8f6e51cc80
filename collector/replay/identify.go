package replay

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

// identifySize is how many bytes of a file tell what it is.
const identifySize = 512

// kind names what a file looks like. The text stands in an error and says
// where to go with it.
type kind string

// The kinds that are read.
const (
	kindPcap   kind = "a pcap capture"
	kindPcapng kind = "a pcapng capture"
)

// The other kinds.
const (
	kindPayload kind = "one export datagram without capture: use --raw"
	kindIPFIX   kind = "one export datagram (use --raw) or IPFIX messages (give it a name that ends in .ipfix)"
	kindText    kind = "text"
	kindJSON    kind = "JSON text"
	kindMRT     kind = "a routing dump (MRT): use import bgp"
	kindUnknown kind = "nothing known here; pcap, pcapng and .ipfix are read"
)

// lookalikes are first bytes of files that are given by mistake.
var lookalikes = []struct {
	magic string
	kind  kind
}{
	{"\x7fELF", "a program (ELF)"},
	{"%PDF-", "a PDF document"},
	{"PK\x03\x04", "a ZIP archive or an Office document: unpack it first"},
	{"BZh", "a bzip2 archive: unpack it first"},
	{"\xfd7zXZ\x00", "an xz archive: unpack it first"},
	{"\x28\xb5\x2f\xfd", "a zstd archive: unpack it first"},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"},
	{"SQLite format 3", "an SQLite database"},
	{"snoop\x00\x00\x00", "a snoop capture: convert it with editcap -F pcap"},
	{"\x34\xcd\xb2\xa1", "a pcap capture of a patched libpcap: convert it with editcap -F pcap"},
	{"\xa1\xb2\xcd\x34", "a pcap capture of a patched libpcap: convert it with editcap -F pcap"},
	{"\x0c\xa5", "an nfdump file: replay it with nfreplay, or import the capture it came from"},
	{"\xa5\x0c", "an nfdump file: replay it with nfreplay, or import the capture it came from"},
	{"\xde\xad\xbe\xef", "a SiLK file: convert it with rwsilk2ipfix"},
	{"\x89PNG", "a picture (PNG)"},
	{"<!DOCTYPE", "a web page"},
	{"<html", "a web page"},
}

// hasMagic tells whether start begins with a magic of 16 bits.
func hasMagic(start []byte, magic uint16) bool {
	return len(start) >= 2 && binary.BigEndian.Uint16(start) == magic
}

// identify tells what a file is by its first bytes.
func identify(start []byte) kind {
	if len(start) >= 4 {
		big := binary.BigEndian.Uint32(start)
		little := binary.LittleEndian.Uint32(start)
		switch {
		case big == ngSection:
			return kindPcapng
		case slices.Contains(pcapMagics, big), slices.Contains(pcapMagics, little):
			return kindPcap
		}
	}
	for _, l := range lookalikes {
		if bytes.HasPrefix(start, []byte(l.magic)) {
			return l.kind
		}
	}
	if k := identifyExport(start); k != "" {
		return k
	}
	return identifyText(start)
}

// identifyExport knows datagrams and routing dumps by their headers.
func identifyExport(start []byte) kind {
	if len(start) < 16 {
		return ""
	}
	switch binary.BigEndian.Uint16(start) {
	case 10:
		return kindIPFIX
	case 1, 5, 7, 9:
		return kindPayload
	case 0:
		if binary.BigEndian.Uint32(start) == 5 {
			return kindPayload
		}
	}
	// MRT (RFC 6396 section 2): time, type 12, 13, 16 or 17, subtype.
	if t := binary.BigEndian.Uint16(start[4:]); slices.Contains([]uint16{12, 13, 16, 17}, t) &&
		binary.BigEndian.Uint16(start[6:]) < 16 {
		return kindMRT
	}
	return ""
}

// identifyText tells text from binary data.
func identifyText(start []byte) kind {
	text := bytes.TrimSpace(start)
	// A character may be cut at the end of start.
	for range utf8.UTFMax {
		if utf8.Valid(text) || len(text) == 0 {
			break
		}
		text = text[:len(text)-1]
	}
	if len(text) == 0 || !utf8.Valid(text) || bytes.ContainsFunc(text, isControl) {
		return kindUnknown
	}
	if text[0] == '{' || text[0] == '[' {
		return kindJSON
	}
	return kindText
}

func isControl(r rune) bool {
	return r < ' ' && r != '\n' && r != '\r' && r != '\t'
}
