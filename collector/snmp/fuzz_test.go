package snmp_test

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/linewarden/linewarden/collector/snmp"
)

// answers is a connection on which each question gets the next of some answers,
// under the number of the question.
type answers struct {
	net.Conn
	list [][]byte
	next []byte
}

func (a *answers) Write(question []byte) (int, error) {
	a.next = nil
	if len(a.list) > 0 {
		a.next, a.list = a.list[0], a.list[1:]
		// The number of a question is the first integer of its PDU, of four octets.
		if i, j := bytes.Index(question, []byte{2, 4}), bytes.Index(a.next, []byte{2, 4}); i >= 0 && j >= 0 && i+6 <= len(question) && j+6 <= len(a.next) {
			a.next = bytes.Clone(a.next)
			copy(a.next[j:j+6], question[i:i+6])
		}
	}
	return len(question), nil
}

func (a *answers) Read(b []byte) (int, error) {
	if a.next == nil {
		return 0, timeout{}
	}
	n := copy(b, a.next)
	a.next = nil
	return n, nil
}

func (a *answers) SetDeadline(time.Time) error      { return nil }
func (a *answers) SetReadDeadline(time.Time) error  { return nil }
func (a *answers) SetWriteDeadline(time.Time) error { return nil }
func (a *answers) Close() error                     { return nil }

type timeout struct{}

func (timeout) Error() string   { return "i/o timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// uptimeAnswer is an answer to the question for sysUpTime, and octetsAnswer one
// with ifHCInOctets of interface 1.
var (
	uptimeAnswer = []byte("\x30\x2a\x02\x01\x01\x04\x06public\xa2\x1d\x02\x04\x00\x00\x00\x01\x02\x01\x00\x02\x01\x00\x30\x0f\x30\x0d\x06\x08\x2b\x06\x01\x02\x01\x01\x03\x00\x43\x01\x64")
	octetsAnswer = []byte("\x30\x2d\x02\x01\x01\x04\x06public\xa2\x20\x02\x04\x00\x00\x00\x01\x02\x01\x00\x02\x01\x00\x30\x12\x30\x10\x06\x0b\x2b\x06\x01\x02\x01\x1f\x01\x01\x01\x06\x01\x46\x01\x64")
)

// FuzzAnswers has a device answer anything: it costs the poll and no more, and
// what is handed on is of interfaces that the device named, with texts that are.
func FuzzAnswers(f *testing.F) {
	f.Add(uptimeAnswer, octetsAnswer)
	f.Add(uptimeAnswer, []byte{})
	f.Add([]byte("\x30\x82"), octetsAnswer)
	file := f.TempDir() + "/community"
	f.Fuzz(func(t *testing.T, first, second []byte) {
		write(t, file, "public")
		var s sink
		p := poller(t, &s, snmp.Agent{Exporters: local, CommunityFile: file})
		found, err := p.ReadOver(t.Context(), &answers{list: [][]byte{first, second, second, second}}, loopback)
		if err == nil && found != len(s.list) || err != nil && len(s.list) > 0 {
			t.Fatalf("%d interfaces, %d readings, %v", found, len(s.list), err)
		}
		for _, c := range s.list {
			if c.Exporter != loopback || c.Interface == 0 || c.Uptime < 0 || !utf8.ValidString(c.Name) || strings.ContainsAny(c.Alias, "\x00\n\x1b") {
				t.Fatalf("reading %+v", c)
			}
		}
	})
}

func TestIndexOf(t *testing.T) {
	const column = ".1.3.6.1.2.1.31.1.1.1.6"
	for name, want := range map[string]uint32{
		column + ".7": 7, column + ".4294967295": 4294967295, column + ".4294967296": 0, column + ".0": 0, column + ".1.2": 0, column + "7.1": 0, column: 0,
	} {
		if n, ok := snmp.IndexOf(name, column); n != want || ok != (want > 0) {
			if want == 0 && !ok {
				continue
			}
			t.Errorf("%s: %d, %v", name, n, ok)
		}
	}
}
