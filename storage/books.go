package storage

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/flows"
	"github.com/linewarden/linewarden/rules"
)

// booksBatch names the entries of a write that failed, so that the same entries
// offered again go under the same token.
type booksBatch struct {
	digest [sha256.Size]byte
	token  string
	stored time.Time
}

// WriteBooks adds entries to what is stored for their sources and minutes. It
// writes all of them, or returns an error and has written none that count: the
// same entries offered again are recognised if they had arrived after all.
func (s *Store) WriteBooks(ctx context.Context, entries []flows.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := booksBatch{digest: digestOf(entries), token: newToken(), stored: time.Now().UTC()}
	if batch.digest == s.books.digest {
		batch = s.books
	}
	err := s.insertBooks(ctx, batch.token, batch.stored, func(yield func(*flows.Entry) bool) {
		for i := range entries {
			if !yield(&entries[i]) {
				return
			}
		}
	})
	s.books = booksBatch{}
	if err != nil {
		s.books = batch
	}
	return err
}

// insertBooks adds entries to what is stored, all of them or none, and once for
// each token.
func (s *Store) insertBooks(ctx context.Context, token string, stored time.Time, entries iter.Seq[*flows.Entry]) error {
	return s.insert(ctx, "write books", "INSERT INTO flow_books ("+bookTable().names()+")", token, func(b driver.Batch) error {
		for e := range entries {
			if err := b.Append(bookRow(stored, e)...); err != nil {
				return err
			}
		}
		return nil
	})
}

// addBookColumns returns the statement that gives older books the columns of
// reasons.
func addBookColumns(reasons ...string) string {
	var adds []string
	for _, reason := range reasons {
		for _, prefix := range []string{"lost_", "datagrams_lost_"} {
			adds = append(adds, "ADD COLUMN IF NOT EXISTS "+column{prefix + reason, "UInt64", codecNumber}.definition())
		}
	}
	return "ALTER TABLE flow_books " + strings.Join(adds, ", ")
}

func bookRow(stored time.Time, e *flows.Entry) []any {
	row := []any{
		stored, e.Minute.UTC(), wideOrZero(e.Source.Exporter), uint8(familyOf(e.Source.Exporter)),
		e.Source.Domain, e.Source.Version.String(),
	}
	for _, figure := range countFigures(&e.Count) {
		row = append(row, *figure)
	}
	return row
}

// wideOrZero returns the stored form of an address.
func wideOrZero(a netip.Addr) netip.Addr { return netip.AddrFrom16(bytesOf(a)) }

func digestOf(entries []flows.Entry) (sum [sha256.Size]byte) {
	h := sha256.New()
	for i := range entries {
		e := &entries[i]
		fmt.Fprintf(h, "%v %d %d %d %v\n", e.Source.Exporter, e.Source.Domain, e.Source.Version, e.Minute.Unix(), e.Count)
	}
	h.Sum(sum[:0])
	return sum
}

// ExporterBooks returns the account of each exporter heard in the minutes that
// begin in w, and of those that were heard in the weeks before and fell silent,
// ordered by address. What nobody can be held to, such as drops of the kernel,
// is not in it.
func (s *Store) ExporterBooks(ctx context.Context, w rules.Window) ([]rules.ExporterBooks, error) {
	books, err := s.hearings(ctx, w)
	if err != nil {
		return nil, err
	}
	err = s.query(ctx, "read books", `SELECT exporter, family, sum(received), sum(kept), sum(missed), toUInt64(length(groupUniqArrayArray(minutes))) AS heard
FROM
(
    SELECT exporter, family, sum(records) AS received, sum(flow_books.stored) AS kept,
        sum(sequence_gaps) AS gaps, least(sum(reordered), gaps) AS late,
        toUInt64(if(gaps = 0, 0, intDiv(toUInt128(sum(records_missed)) * (gaps - late), toUInt128(gaps)))) AS missed,
        groupUniqArrayIf(minute, datagrams > 0) AS minutes
    FROM flow_books
    WHERE minute >= toDateTime({from:Int64}, 'UTC') AND minute < toDateTime({to:Int64}, 'UTC') AND family > 0
    GROUP BY exporter, family, domain, version
)
GROUP BY exporter, family`,
		func(r driver.Rows) error {
			var (
				addr netip.Addr
				kind uint8
				b    rules.ExporterBooks
			)
			if err := r.Scan(&addr, &kind, &b.Received, &b.Stored, &b.Missed, &b.Minutes); err != nil {
				return err
			}
			b.Exporter = addrOf(addr, family(kind))
			known := books[b.Exporter]
			b.Expected, b.Silent = known.Expected, known.Silent
			books[b.Exporter] = b
			return nil
		}, secondsOf(w)...)
	if err != nil {
		return nil, err
	}
	counted, err := s.CountedInterfaces(ctx, w)
	for i := range counted {
		if b, heard := books[counted[i].Exporter]; heard {
			b.Counted = append(b.Counted, counted[i])
			books[b.Exporter] = b
		}
	}
	return slices.SortedFunc(maps.Values(books), func(a, b rules.ExporterBooks) int { return a.Exporter.Compare(b.Exporter) }), err
}

// hearings returns for how long exporters should have been heard and fell
// silent, by the habits of the days up to the end of w.
func (s *Store) hearings(ctx context.Context, w rules.Window) (map[netip.Addr]rules.ExporterBooks, error) {
	heard := make(map[netip.Addr]rules.Hearing)
	var anybody int64
	back := rules.Window{From: w.To.AddDate(0, 0, -rules.HearingDays), To: w.To}
	if w.From.Before(back.From) {
		back.From = w.From
	}
	err := s.query(ctx, "read when exporters were heard", `WITH
    arrayFilter(p -> p.2 - p.1 > 1, arrayZip(arrayPopBack(minutes), arrayPopFront(minutes))) AS pauses
SELECT exporter, family, minutes[1], minutes[-1], arrayMap(p -> p.1, pauses), arrayMap(p -> p.2, pauses)
FROM
(
    SELECT exporter, family, arraySort(groupUniqArray(intDiv(toUnixTimestamp(minute), 60))) AS minutes
    FROM flow_books
    WHERE minute >= toDateTime({from:Int64}, 'UTC') AND minute < toDateTime({to:Int64}, 'UTC') AND family > 0 AND datagrams > 0
    GROUP BY exporter, family
)`,
		func(r driver.Rows) error {
			var (
				addr          netip.Addr
				kind          uint8
				first, last   uint32
				after, before []uint32
			)
			if err := r.Scan(&addr, &kind, &first, &last, &after, &before); err != nil {
				return err
			}
			h := rules.Hearing{First: int64(first), Last: int64(last), Pauses: make([]rules.Pause, len(after))}
			for i := range after {
				h.Pauses[i] = rules.Pause{After: int64(after[i]), Before: int64(before[i])}
			}
			heard[addrOf(addr, family(kind))] = h
			anybody = max(anybody, h.Last)
			return nil
		}, secondsOf(back)...)
	books := make(map[netip.Addr]rules.ExporterBooks, len(heard))
	for addr, h := range heard {
		b := rules.ExporterBooks{Exporter: addr}
		b.Expected, b.Silent = h.Silence(w, anybody)
		if b.Expected > 0 {
			books[addr] = b
		}
	}
	return books, err
}

// secondsOf returns the parameters from and to: the minute of the beginning and
// the end, within what a DateTime holds.
func secondsOf(w rules.Window) []any {
	const last = 1<<32 - 1
	from, to := w.From.Unix(), w.To.Unix()
	if w.To.Nanosecond() > 0 {
		to++
	}
	bound := func(s int64) string { return strconv.FormatInt(min(max(s, 0), last), 10) }
	return []any{clickhouse.Named("from", bound(from-from%60)), clickhouse.Named("to", bound(to))}
}

// BookEntries returns what is stored of the books for the minutes that begin in
// w, added up per source and minute and ordered by minute.
func (s *Store) BookEntries(ctx context.Context, w rules.Window) ([]flows.Entry, error) {
	sql := "SELECT minute, exporter, family, domain, toInt8(version), sum(flow_books." + strings.Join(countNames(), "), sum(flow_books.") + `)
FROM flow_books WHERE minute >= toDateTime({from:Int64}, 'UTC') AND minute < toDateTime({to:Int64}, 'UTC')
GROUP BY minute, exporter, family, domain, version ORDER BY minute, exporter, family, domain, version`
	var list []flows.Entry
	err := s.query(ctx, "read books", sql, func(r driver.Rows) error {
		var (
			addr    netip.Addr
			kind    uint8
			version int8
			e       flows.Entry
		)
		targets := []any{&e.Minute, &addr, &kind, &e.Source.Domain, &version}
		for _, figure := range countFigures(&e.Count) {
			targets = append(targets, figure)
		}
		if err := r.Scan(targets...); err != nil {
			return err
		}
		e.Minute, e.Source.Exporter, e.Source.Version = e.Minute.UTC(), addrOf(addr, family(kind)), flows.Version(version)
		list = append(list, e)
		return nil
	}, secondsOf(w)...)
	return list, err
}
