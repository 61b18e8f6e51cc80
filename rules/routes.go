package rules

import (
	"context"
	"iter"
	"net/netip"
	"time"
)

// Routes answers the questions of the rules that need routes. storage
// implements it from the history of announcements and withdrawals; answers cost
// with the routes that a question is about. Every answer is the union over
// peers, views and paths, with gaps under 15 minutes bridged. Prepends are
// folded, segments of confederations are left out, and so is everything up to
// the last own network of a path: what is left begins with the network after
// ours. Routes of VPNs are in no answer: their prefixes are those of a closed
// group and may be anybody's.
type Routes interface {
	// Announcements yields who originated the prefixes in question and through
	// whom, in the order of prefixes. No more than one prefix is in memory.
	Announcements(ctx context.Context, q AnnouncementQuestion) iter.Seq2[Announcement, error]
	// Adjacencies yields which networks stood next to the ones in question in AS
	// paths, ordered by the network itself, Behind, neighbour, session and first
	// network.
	Adjacencies(ctx context.Context, q AdjacencyQuestion) iter.Seq2[Adjacency, error]
	// RouteCoverage returns when the routers that tell routes were heard, in the
	// order of their addresses.
	RouteCoverage(ctx context.Context, w Window) ([]RouteCoverage, error)
}

// AnnouncementQuestion asks who originated prefixes.
type AnnouncementQuestion struct {
	Window Window
	// Own are the networks of the carrier.
	Own []uint32
	// Within are the blocks the prefixes must be inside of or equal to; none asks
	// for prefixes of any kind.
	Within []netip.Prefix
	// From are the networks the routes must have been learned from, by session
	// or by path; none asks for routes from anybody.
	From []uint32
}

// RouteSource says from whom a route was learned.
type RouteSource struct {
	// PeerAS is the network at the far end of the session; 0 is the carrier's
	// own, as of a route reflector, or one that the carrier announced to.
	PeerAS uint32 `json:"peer_as"`
	// First is the network after ours in the path; 0 is none, for routes that
	// the carrier originates itself.
	First uint32 `json:"first"`
}

// Announcement is a prefix, who may have originated it, and through whom.
type Announcement struct {
	Prefix netip.Prefix
	// Origin is the last network of the paths; 0 is the carrier itself.
	Origin uint32
	// SetOnly is set when it stood in sets of several only (RFC 4271 section
	// 4.3), whose members are not told apart.
	SetOnly bool
	Source  RouteSource
	// Spans are in order and inside the window of the question.
	Spans []Window
	// Path is one of the paths, as routers write it.
	Path string
	// Routers told of it, in the order of their addresses.
	Routers []netip.Addr
}

// AdjacencyQuestion asks for the neighbours of networks in AS paths.
type AdjacencyQuestion struct {
	Window Window
	// Own are the networks of the carrier; Of those in question.
	Own, Of []uint32
}

// MaxExamples is how many prefixes an Adjacency names.
const MaxExamples = 8

// Adjacency is two networks that follow one another in AS paths. The members of
// a set follow nobody.
type Adjacency struct {
	// Of is the network in question, Neighbour the one next to it.
	Of, Neighbour uint32
	// Behind is set when the neighbour is farther from us, and else nearer.
	Behind bool
	Source RouteSource
	Spans  []Window
	// Examples are the first MaxExamples of the Prefixes distinct ones.
	Examples []netip.Prefix
	Prefixes uint64
	Path     string
	Routers  []netip.Addr
}

// RouteCoverage is when a router told its routes.
type RouteCoverage struct {
	Router netip.Addr
	// First is when it was first heard, at any time.
	First time.Time
	// Up is when at least one of its sessions was up, in order and inside the
	// window of the question.
	Up []Window
}
