package wire

import (
	"encoding/binary"
	"math"

	"github.com/linewarden/linewarden/bgp"
)

// The types of messages (RFC 4271 section 4.1, RFC 2918).
const (
	TypeOpen         = 1
	TypeUpdate       = 2
	TypeNotification = 3
	TypeKeepalive    = 4
	TypeRouteRefresh = 5
)

// HeaderLength is the length of a message's header, in octets.
const HeaderLength = 19

// longestKey bounds the attributes that are remembered; longer ones are rare.
const longestKey = 512

// Decoder turns messages into events. It belongs to one goroutine. Routes of
// messages with equal attributes share their slices.
type Decoder struct {
	books *Books
	// now and before remember attributes by their bytes. When now is full it
	// becomes before, and what before held is forgotten.
	now, before map[string]*attributes
	remember    int
	key         []byte
	event       bgp.Event
}

// NewDecoder returns a decoder that counts in books. It remembers the last
// remember to 2·remember sets of attributes, at about 400 bytes each; 0 = none.
func NewDecoder(books *Books, remember int) *Decoder {
	return &Decoder{books: books, now: make(map[string]*attributes), remember: remember}
}

// CheckHeader returns the length and type of the message that begins with b, of
// which HeaderLength octets are needed (RFC 4271 section 6.1).
func CheckHeader(b []byte, s Session) (length int, kind uint8, err error) {
	if len(b) < HeaderLength {
		return 0, 0, &Refusal{ReasonHeader}
	}
	if binary.BigEndian.Uint64(b) != math.MaxUint64 || binary.BigEndian.Uint64(b[8:]) != math.MaxUint64 {
		return 0, 0, &Refusal{ReasonHeader}
	}
	length, kind = int(binary.BigEndian.Uint16(b[16:])), b[18]
	least, most := HeaderLength, s.MaxLength()
	switch kind {
	case TypeOpen:
		least, most = 29, 4096
	case TypeUpdate:
		least = 23
	case TypeNotification:
		least = 21
	case TypeKeepalive:
		most = HeaderLength
	case TypeRouteRefresh:
		least = 23
	default:
		return 0, 0, &Refusal{ReasonHeader}
	}
	if length < least || length > most {
		return 0, 0, &Refusal{ReasonHeader}
	}
	return length, kind, nil
}

// Message reads one message with its header, and hands its events to yield: a
// copy of from with Kind, Family and Route set. Withdrawals come first. The
// event is valid until yield returns; the slices of its route stay. Messages
// that are no UPDATEs are counted and yield nothing. The error is a *Refusal,
// and then nothing was yielded.
func (d *Decoder) Message(b []byte, s Session, from *bgp.Event, yield func(*bgp.Event)) error {
	length, kind, err := CheckHeader(b, s)
	switch {
	case err != nil || length != len(b):
		d.books.messages.Add(1)
		return d.refuse(ReasonHeader)
	case kind != TypeUpdate:
		d.books.messages.Add(1)
		d.books.other.Add(1)
		return nil
	}
	return d.Update(b[HeaderLength:], s, from, yield)
}

// Update does what Message does for the body of an UPDATE.
func (d *Decoder) Update(body []byte, s Session, from *bgp.Event, yield func(*bgp.Event)) (err error) {
	d.books.messages.Add(1)
	started := false
	defer func() {
		// Of what yield does wrong its owner must hear; the decoder's own faults cost one message.
		if started {
			return
		}
		if recover() != nil {
			err = d.refuse(ReasonPanic)
		}
	}()
	var u update
	if reason := d.parse(body, s, &u); reason != ReasonNone {
		return d.refuse(reason)
	}
	started = true
	d.books.used.Add(1)
	d.emit(&u, s, from, yield)
	return nil
}

func (d *Decoder) refuse(reason Reason) error {
	d.books.refused[reason].Add(1)
	return &Refusal{reason}
}

// block is a list of prefixes of one table.
type block struct {
	table Table
	data  []byte
	there bool // the attribute or field is there, and its table is read
	ids   bool // prefixes have path identifiers
}

// count returns the number of prefixes, and false when they are malformed.
func (b *block) count(s Session, withdraw bool) (int, bool) {
	c := newCursor(b.data, b.table, s, withdraw)
	n, ok := c.count()
	b.ids = c.ids
	twice := len(b.data) > 4 && b.data[0] == 0 && b.data[1] == 0
	if !s.GuessPaths || b.ids || ok && !twice {
		return n, ok
	}
	c.ids = true
	if with, fine := c.count(); fine {
		b.ids = true
		return with, true
	}
	return n, ok
}

// update is a message cut into its parts.
type update struct {
	withdrawn, unreach, reach, announced block
	attributes                           *attributes
	reachNextHop                         []byte
	treat                                Reason
	only                                 bool // MP_UNREACH_NLRI is the only attribute
	routes                               int  // announced
}

// parse cuts a message and checks every prefix before any is used.
func (d *Decoder) parse(body []byte, s Session, u *update) Reason {
	withdrawn, attrs, announced, ok := cutBody(body)
	if !ok {
		return ReasonLength
	}
	u.withdrawn = block{table: IPv4Unicast, data: withdrawn, there: true}
	u.announced = block{table: IPv4Unicast, data: announced, there: true}
	ignored, reason := d.parseAttributes(attrs, s, u)
	if reason != ReasonNone {
		return reason
	}
	if ignored && !u.reach.there && !u.unreach.there && len(withdrawn) == 0 && len(announced) == 0 {
		return ReasonFamily
	}
	return u.check(s)
}

func cutBody(body []byte) (withdrawn, attrs, announced []byte, ok bool) {
	if len(body) < 4 {
		return nil, nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(body))
	if len(body) < 4+n {
		return nil, nil, nil, false
	}
	withdrawn, body = body[2:2+n], body[2+n:]
	n = int(binary.BigEndian.Uint16(body))
	if len(body) < 2+n {
		return nil, nil, nil, false
	}
	return withdrawn, body[2 : 2+n], body[2+n:], true
}

// check walks over all prefixes, and finds the mandatory attributes missing.
func (u *update) check(s Session) Reason {
	if _, ok := u.withdrawn.count(s, true); !ok {
		return ReasonNLRI
	}
	if u.unreach.there {
		if _, ok := u.unreach.count(s, true); !ok {
			return ReasonMPUnreach
		}
	}
	own, ok := u.announced.count(s, false)
	if !ok {
		return ReasonNLRI
	}
	multi := 0
	if u.reach.there {
		if multi, ok = u.reach.count(s, false); !ok {
			return ReasonMPReach
		}
	}
	u.routes = own + multi
	u.treat = first(u.treat, u.attributes.treat)
	if u.routes > 0 {
		u.treat = first(u.treat, u.attributes.lacks(own > 0 && !s.NoNextHop))
	}
	return ReasonNone
}

func first(a, b Reason) Reason {
	if a != ReasonNone {
		return a
	}
	return b
}

// parseAttributes takes the multiprotocol attributes out, and reads or remembers the others.
func (d *Decoder) parseAttributes(b []byte, s Session, u *update) (ignored bool, reason Reason) {
	key := d.key[:0]
	key = append(key, 0)
	if s.AS4 {
		key[0] = 1
	}
	u.only = true
	var reaches, unreaches int
	for len(b) > 0 {
		a, rest, ok := cutAttribute(b)
		if !ok {
			// The length of all attributes still says where the prefixes begin (RFC 7606 section 4).
			key, u.only = append(key, b...), false
			break
		}
		b = rest
		switch a.kind {
		case attrMPReach:
			reaches++
			u.only = false
			if reason = u.takeReach(d.books, a, s, &ignored); reason != ReasonNone {
				return ignored, reason
			}
		case attrMPUnreach:
			unreaches++
			if reason = u.takeUnreach(d.books, a, s, &ignored); reason != ReasonNone {
				return ignored, reason
			}
		default:
			key, u.only = append(key, a.all...), false
		}
	}
	d.key = key
	// Which of two counts cannot be known (RFC 7606 section 3, g).
	if reaches > 1 || unreaches > 1 {
		return ignored, ReasonMPTwice
	}
	u.attributes = d.attributes(key, s)
	return ignored, ReasonNone
}

// attributes returns what the attributes in key, behind its first octet, say.
func (d *Decoder) attributes(key []byte, s Session) *attributes {
	if d.remember == 0 || len(key) > longestKey {
		return decodeAttributes(key[1:], s.AS4)
	}
	if a, ok := d.now[string(key)]; ok {
		return a
	}
	a, ok := d.before[string(key)]
	if !ok {
		a = decodeAttributes(key[1:], s.AS4)
	}
	if len(d.now) >= d.remember {
		d.now, d.before = make(map[string]*attributes, d.remember), d.now
	}
	d.now[string(key)] = a
	return a
}
