package storage

import (
	"github.com/ClickHouse/ch-go/proto"
)

// enumColumn is an Enum8 that is filled with its numbers.
type enumColumn struct {
	proto.ColEnum8
	kind proto.ColumnType
}

// Type returns the type with its names, as the server writes it.
func (c *enumColumn) Type() proto.ColumnType { return c.kind }

func (c *enumColumn) add(v uint8) { c.ColEnum8 = append(c.ColEnum8, proto.Enum8(v)) }

// wordColumn is a LowCardinality(String). Its dictionary is made as it is
// filled, so that a word costs a look-up and no memory once it is known.
type wordColumn struct {
	proto.ColLowCardinalityRaw
	words   *proto.ColStr
	keys    map[string]uint32
	last    string // the word added last, and its key
	lastKey uint32
}

func newWordColumn() *wordColumn {
	c := &wordColumn{words: new(proto.ColStr), keys: make(map[string]uint32)}
	c.Index, c.Key = c.words, proto.KeyUInt32
	c.forget()
	return c
}

func (c *wordColumn) add(word string) {
	if word != c.last {
		key, known := c.keys[word]
		if !known {
			key = uint32(c.words.Rows())
			c.words.Append(word)
			c.keys[word] = key
		}
		c.last, c.lastKey = word, key
	}
	c.Keys32 = append(c.Keys32, c.lastKey)
}

// Reset empties the column and keeps its memory.
func (c *wordColumn) Reset() {
	c.ColLowCardinalityRaw.Reset()
	clear(c.keys)
	c.forget()
}

// forget begins the dictionary with the empty word.
func (c *wordColumn) forget() {
	c.words.Append("")
	c.keys[""] = 0
	c.last, c.lastKey = "", 0
}
