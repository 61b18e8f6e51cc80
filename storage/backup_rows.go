package storage

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/klauspost/compress/zstd"
)

// A file of a backup is in the format Native of ClickHouse, as it is written to
// files, compressed by zstd: other programs can read it too.

// nativeRevision is the revision of the protocol that the format Native of
// files has.
const nativeRevision = 0

// exportAll writes the tables of a database.
func (s *Store) exportAll(ctx context.Context, out *archive, database string, m *Manifest, o *BackupOptions) (err error) {
	client, err := s.connect(ctx)
	if err != nil {
		return s.explain("back up", err)
	}
	defer func() {
		if cerr := client.Close(); cerr != nil && !errors.Is(cerr, ch.ErrClosed) {
			err = errors.Join(err, cerr)
		}
	}()
	for i := range m.Tables {
		t := &m.Tables[i]
		t.File = t.Name + ".native.zst"
		source := quoteName(database) + "." + quoteName(t.Name)
		all, err := s.rowsOf(ctx, source)
		if err != nil {
			return err
		}
		at := BackupProgress{Table: t.Name, Number: i + 1, Of: len(m.Tables), AllRows: all}
		t.Bytes, t.SHA256, err = out.add(t.File, func(w io.Writer) error {
			return s.export(ctx, client, w, source, t, func(rows uint64) {
				at.Rows = rows
				o.tell(at)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) rowsOf(ctx context.Context, source string) (n uint64, err error) {
	err = s.query(ctx, "count rows", "SELECT count() FROM "+source, func(r driver.Rows) error { return r.Scan(&n) })
	return n, err
}

// columnsFor returns columns that hold blocks of a table.
func (t *BackupTable) columnsFor() (columns []proto.Column, err error) {
	for i := range t.Columns {
		c, err := columnFor(t.Columns[i].plainKind())
		if err != nil {
			return nil, fmt.Errorf("column %s.%s: %w", t.Name, t.Columns[i].Name, err)
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// columnFor returns a column of a type.
func columnFor(kind string) (proto.Column, error) {
	if strings.HasPrefix(kind, "Enum8(") {
		return &enumColumn{kind: proto.ColumnType(kind)}, nil // by numbers, which costs no look-up
	}
	c := new(proto.ColAuto)
	if err := c.Infer(proto.ColumnType(kind)); err != nil {
		return nil, err
	}
	return c.Data, nil // the column itself: an insert would infer another one for the table
}

// input returns columns under their names, to be written.
func (t *BackupTable) input(columns []proto.Column) (input proto.Input) {
	for i, c := range columns {
		input = append(input, proto.InputColumn{Name: t.Columns[i].Name, Data: c})
	}
	return input
}

// export writes the rows of a table, and notes their number and sum.
func (s *Store) export(ctx context.Context, client *ch.Client, w io.Writer, source string, t *BackupTable, progress func(uint64)) error {
	columns, err := t.columnsFor()
	if err != nil {
		return err
	}
	var (
		results proto.Results
		asked   []string
		hashes  proto.ColUInt64
		buf     proto.Buffer
	)
	for i, c := range columns {
		name := fmt.Sprintf("backup_%d", i) // apart from the names of columns
		asked = append(asked, t.Columns[i].written()+" AS "+name)
		results = append(results, proto.ResultColumn{Name: name, Data: c})
	}
	results = append(results, proto.ResultColumn{Name: "backup_hash", Data: &hashes})
	input := t.input(columns)
	pack, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return err
	}
	err = client.Do(ctx, ch.Query{
		Body:   "SELECT " + strings.Join(asked, ", ") + ", " + t.rowHash() + " AS backup_hash FROM " + source,
		Result: results,
		OnResult: func(_ context.Context, block proto.Block) error {
			if block.Rows == 0 {
				return nil
			}
			buf.Reset()
			if err := (proto.Block{Columns: len(columns), Rows: block.Rows}).EncodeRawBlock(&buf, nativeRevision, input); err != nil {
				return err
			}
			if _, err := pack.Write(buf.Buf); err != nil {
				return err
			}
			t.Rows += uint64(block.Rows)
			for _, h := range hashes {
				t.Sum += h
			}
			progress(t.Rows)
			return nil
		},
	})
	return errors.Join(s.explain("read "+t.Name, err), pack.Close())
}

// importSettings have rows stored as they come.
func importSettings() []ch.Setting {
	return []ch.Setting{
		{Key: "optimize_on_insert", Value: "0"},
		{Key: "async_insert", Value: "0"},
		{Key: "insert_deduplicate", Value: "0"},
		{Key: "max_partitions_per_insert_block", Value: "0"},
	}
}

// load writes the rows of a file into a table, and compares the file with the
// manifest.
func (s *Store) load(ctx context.Context, client *ch.Client, f io.Reader, into string, t *BackupTable, progress func(uint64)) error {
	columns, err := t.columnsFor()
	if err != nil {
		return err
	}
	d := &digest{out: io.Discard, hash: sha256.New()}
	pack, err := zstd.NewReader(io.TeeReader(f, d), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoder))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackupDamaged, err)
	}
	defer pack.Close()
	blocks := blockReader{table: t, columns: columns, from: bufio.NewReaderSize(pack, 1<<20)}
	blocks.reader = proto.NewReader(blocks.from)
	input := t.input(columns)
	var (
		rows   uint64
		failed error
	)
	stop := context.AfterFunc(ctx, func() { _ = client.Close() }) // which ends every wait
	defer stop()
	next := func(context.Context) error {
		n, err := blocks.next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				failed = err
				_ = client.Close() // which ends the wait for an answer to the insert
			}
			return err
		}
		rows += uint64(n)
		progress(rows)
		return nil
	}
	if err = next(ctx); err == nil {
		err = client.Do(ctx, ch.Query{
			Body:  "INSERT INTO " + into + " (" + t.names(func(c *BackupColumn) string { return quoteName(c.Name) }) + ") VALUES",
			Input: input, OnInput: next, Settings: importSettings(),
		})
	}
	if failed != nil {
		return failed
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return s.explain("restore "+t.Name, err)
	}
	if _, err := io.Copy(io.Discard, io.TeeReader(f, d)); err != nil {
		return fmt.Errorf("%w: %w", ErrBackupDamaged, err)
	}
	return t.same(d)
}

// maxDecoder bounds the memory of the decompressor, in bytes.
const maxDecoder = 256 << 20

// blockReader reads the blocks of a file.
type blockReader struct {
	table   *BackupTable
	columns []proto.Column
	from    *bufio.Reader
	reader  *proto.Reader
}

// next reads a block into the columns and returns its rows; io.EOF after the
// last one, with the columns empty.
func (b *blockReader) next() (int, error) {
	for _, c := range b.columns {
		c.Reset()
	}
	var results proto.Results
	for i, c := range b.columns {
		results = append(results, proto.ResultColumn{Name: b.table.Columns[i].Name, Data: c})
	}
	var block proto.Block
	err := block.DecodeRawBlock(b.reader, nativeRevision, results)
	if err == nil {
		return block.Rows, nil
	}
	for _, c := range b.columns {
		c.Reset()
	}
	if errors.Is(err, io.EOF) && block.Columns == 0 {
		return 0, io.EOF
	}
	return 0, fmt.Errorf("%w: %s: %w", ErrBackupDamaged, b.table.File, err)
}
