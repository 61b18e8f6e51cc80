package netflow

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"testing"

	"github.com/linewarden/linewarden/flows"
)

// learned is a decoder that knows templates and rates of two protocols.
func learned(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.take(
		v9(3, 0, set(0, tmpl(256, sampled...)), set(1, samplerTable, ofSystem)),
		v9(2, 1, set(300, samplerRow(1, 100), samplerRow(2, 200))),
		ipfix(0, set(2, tmpl(256, basic...)), set(3, ipfixOptions(300, 1, testField{143, 4}, testField{160, 8}, testField{34, 4}))),
		ipfix(0, set(300, u32(1), u64(uint64(testTime.UnixMilli())), u32(64))),
	)
	return b
}

func saved(t *testing.T, d *Decoder) []byte {
	t.Helper()
	var state bytes.Buffer
	if err := d.Save(&state, true); err != nil {
		t.Fatal(err)
	}
	return state.Bytes()
}

func TestRestart(t *testing.T) {
	state := saved(t, learned(t).d)
	b := newBench(t)
	if err := b.d.Load(bytes.NewReader(state)); err != nil {
		t.Fatal(err)
	}
	// The rate of the system was announced and has not come: only named ones go.
	out := b.take(v9(2, 5, set(256, sampledRecord(2), sampledRecord(1))))
	if len(out) != 2 || out[0].SamplingRate != 200 || out[1].SamplingRate != 100 {
		t.Errorf("v9: %+v", out)
	}
	if r := b.one(ipfix(7, set(256, basicRecord(9)))); r.SamplingRate != 64 || r.Bytes != 9 {
		t.Errorf("ipfix: %+v", r)
	}
	if dom := b.d.exporters[b.from.Addr()].last; dom.systemUp != testTime.UnixNano() {
		t.Errorf("the system came up at %d", dom.systemUp)
	}
	b.balance()
	if n := b.sum().Templates; n != 0 {
		t.Errorf("%d templates counted as learned", n)
	}
	if again := saved(t, b.d); len(again) != len(state) {
		t.Errorf("%d bytes saved after the restart, %d before", len(again), len(state))
	}
}

// TestLoadPrefersWhatIsNew has a template that was redefined since.
func TestLoadPrefersWhatIsNew(t *testing.T) {
	state := saved(t, learned(t).d)
	b := newBench(t)
	b.take(ipfix(0, set(2, tmpl(256, swapped...))))
	if err := b.d.Load(bytes.NewReader(state)); err != nil {
		t.Fatal(err)
	}
	if r := b.one(ipfix(0, set(256, basicRecord(1)))); r.Src.String() != "198.51.100.2" {
		t.Errorf("%+v", r)
	}
	b.balance()
}

// resealed is state whose checksum and length are right again.
func resealed(state []byte) []byte {
	state = slices.Clone(state[:len(state)-stateTrailer])
	binary.BigEndian.PutUint64(state[len(stateMagic)+4:], uint64(len(state)-stateHeader))
	return binary.BigEndian.AppendUint32(state, crc32.Checksum(state, crc32.MakeTable(crc32.Castagnoli)))
}

func TestDamagedState(t *testing.T) {
	state := saved(t, learned(t).d)
	damaged := map[string][]byte{"empty": nil, "another file": bytes.Repeat([]byte("abc"), 100), "longer": append(slices.Clone(state), 0)}
	for n := range state {
		damaged["cut"] = state[:n]
		flipped := slices.Clone(state)
		flipped[n] ^= 0x10
		damaged["flipped"] = flipped
		for name, data := range damaged {
			refused(t, name, data)
		}
		maps.DeleteFunc(damaged, func(string, []byte) bool { return true })
	}
	// Damage under a checksum that is right.
	later := slices.Clone(state)
	later[len(stateMagic)+3]++
	refused(t, "later version", resealed(later))
	refused(t, "cut entry", resealed(state[:len(state)-3]))
	for _, body := range [][]byte{
		{99},
		{entryDomain, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0},
		{entryExporter, 1},
		cat([]byte{entryExporter}, make([]byte, 16), []byte{entryDomain, 1}, make([]byte, 13)),
		cat([]byte{entryExporter}, make([]byte, 16), []byte{entryDomain, 2}, make([]byte, 13), []byte{entryTemplate, 0}, u32(1<<31)),
		cat([]byte{entryExporter}, make([]byte, 16), []byte{entryDomain, 2}, make([]byte, 13), []byte{entryTemplate, 0}, u32(8), tmpl(256, testField{8, 0})),
		cat([]byte{entryExporter}, make([]byte, 16), []byte{entryDomain, 2}, make([]byte, 13), []byte{entryRate, 9}, u64(1), []byte{1}, u64(1), u64(1)),
		cat([]byte{entryExporter}, make([]byte, 16), []byte{entryDomain, 2}, make([]byte, 13), []byte{entryRate, 1}, u64(1), []byte{1}, u64(1), u64(0)),
	} {
		refused(t, "impossible entry", resealed(cat(state[:stateHeader], body, make([]byte, stateTrailer))))
	}
}

// refused fails when a decoder loads data, or is changed by the attempt.
func refused(t *testing.T, name string, data []byte) {
	t.Helper()
	b := newBench(t)
	b.take(ipfix(0, set(2, tmpl(256, swapped...))))
	before := saved(t, b.d)
	if err := b.d.Load(bytes.NewReader(data)); !errors.Is(err, ErrState) {
		t.Errorf("%s: error %v", name, err)
	}
	if !bytes.Equal(before, saved(t, b.d)) {
		t.Errorf("%s: the decoder is not as it was", name)
	}
}

// TestUnknownRateStaysUnknown restarts after a rate was waited for in vain.
func TestUnknownRateStaysUnknown(t *testing.T) {
	b := newBench(t)
	b.take(v9(2, 0, set(0, tmpl(256, basic...)), set(1, ofSystem)), v9(1, 1, set(256, basicRecord(1))))
	b.all = b.d.Expire(endOfTime(), b.all)
	state := saved(t, b.d)
	b.balance()
	b = newBench(t)
	if err := b.d.Load(bytes.NewReader(state)); err != nil {
		t.Fatal(err)
	}
	if r := b.one(v9(1, 2, set(256, basicRecord(1)))); r.SamplingRate != 0 {
		t.Errorf("rate %d", r.SamplingRate)
	}
	b.balance()
}

type fullDisk struct{}

var errFull = errors.New("no space left")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
func (fullDisk) Read([]byte) (int, error)  { return 0, errFull }

func TestStateOfAFullDisk(t *testing.T) {
	d := New(Config{Books: flows.NewBooks()})
	if err := d.Save(fullDisk{}, true); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if err := d.Load(fullDisk{}); !errors.Is(err, errFull) {
		t.Error(err)
	}
}

// TestRestartCounts has the last state of a decoder tell the next one what was
// lost in between, by the means it had, and a state before that say nothing.
func TestRestartCounts(t *testing.T) {
	before := newBench(t)
	before.take(
		v9(1, 10, set(0, tmpl(256, basic...))),
		v9(2, 11, set(256, basicRecord(1), basicRecord(2))),
		v9(3, 12, set(256, basicRecord(1), basicRecord(2), basicRecord(3))),
		ipfix(0, set(2, tmpl(256, basic...))),
		ipfix(0, set(256, basicRecord(1))),
	)
	last := saved(t, before.d)
	var earlier bytes.Buffer
	if err := before.d.Save(&earlier, false); err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string][]byte{"last": last, "earlier": earlier.Bytes()} {
		b := newBench(t)
		if err := b.d.Load(bytes.NewReader(state)); err != nil {
			t.Fatal(err)
		}
		b.take(v9(1, 15, set(256, basicRecord(1))), ipfix(5, set(256, basicRecord(1))))
		// Two datagrams of v9 are missing, where three had five records, and four
		// records of IPFIX.
		got, want := b.sum(), [2]uint64{6, 7}
		if name == "earlier" {
			want = [2]uint64{}
		}
		if got.SequenceGaps != want[0] || got.RecordsMissed != want[1] {
			t.Errorf("after the %s state %d units and %d records are missing, want %v", name, got.SequenceGaps, got.RecordsMissed, want)
		}
		b.balance()
	}
}
