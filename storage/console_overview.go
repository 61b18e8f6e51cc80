package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/registry"
	"github.com/linewarden/linewarden/rules"
)

// FindingTurn is how many findings came to need work on a day, and how many
// ceased to.
type FindingTurn struct {
	Day            registry.Date
	Opened, Closed uint64
}

// among selects events of the findings of a condition.
func among(clause string) string {
	if clause == "" {
		return "1"
	}
	return "id IN (SELECT id FROM findings FINAL" + clause + ")"
}

// inWork are the states of findings that somebody has to work on.
const inWork = "('open', 'reviewing', 'confirmed', 'rectifying')"

// FindingTurns returns, for each local day from an instant on, how many findings
// of a question came into a state that needs work and how many left it, by their
// events: runs of the rules open and cease, and people move from any state to
// another. Days without either are not told.
func (s *Store) FindingTurns(ctx context.Context, q FindingQuestion, since time.Time, loc *time.Location) ([]FindingTurn, error) {
	clause, values := q.condition()
	values = append(values, clickhouse.Named("from", strconv.FormatInt(since.UnixNano(), 10)), clickhouse.Named("zone", loc.String()))
	var list []FindingTurn
	err := s.query(ctx, "count turns of findings", `SELECT toString(toDate(at, {zone:String})) AS day, sum(opens) AS opened, sum(closes) AS closed
FROM
(
    SELECT at, toUInt64(kind != 'ceased') AS opens, toUInt64(kind = 'ceased') AS closes
    FROM finding_events
    WHERE kind IN ('new', 'reopened', 'ceased') AND at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND `+among(clause)+`
    UNION ALL
    SELECT at, toUInt64(after IN `+inWork+` AND before NOT IN `+inWork+`), toUInt64(before IN `+inWork+` AND after NOT IN `+inWork+`)
    FROM
    (
        SELECT at, simpleJSONExtractString(event, 'from') AS before, simpleJSONExtractString(event, 'to') AS after
        FROM finding_events
        PREWHERE kind NOT IN ('', 'new', 'reopened', 'ceased', 'repeated', 'noted', 'assigned')
        WHERE at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND `+among(clause)+`
    )
)
GROUP BY day
HAVING opened + closed > 0
ORDER BY day`, func(r driver.Rows) error {
		var (
			day string
			t   FindingTurn
		)
		if err := r.Scan(&day, &t.Opened, &t.Closed); err != nil {
			return err
		}
		var err error
		if t.Day, err = registry.ParseDate(day); err != nil {
			return fmt.Errorf("a day is none: %w", err)
		}
		list = append(list, t)
		return nil
	}, values...)
	return list, err
}

// RecentEvent is an event with the finding as it is now.
type RecentEvent struct {
	Event   rules.Event
	Finding rules.Finding
}

// RecentEvents returns the newest events of the findings of a question from an
// instant on, newest first, without those that only repeat. At most limit are
// returned.
func (s *Store) RecentEvents(ctx context.Context, q FindingQuestion, since time.Time, limit int) ([]RecentEvent, error) {
	clause, values := q.condition()
	values = append(values, clickhouse.Named("from", strconv.FormatInt(since.UnixNano(), 10)), clickhouse.Named("most", strconv.Itoa(limit)))
	var list []RecentEvent
	err := s.query(ctx, "read recent events", `SELECT event
FROM finding_events
PREWHERE (id, version, number) IN (
    SELECT id, version, number
    FROM finding_events
    WHERE kind NOT IN ('', 'repeated') AND at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND `+among(clause)+`
    ORDER BY version DESC, number DESC
    LIMIT {most:UInt64}
)
ORDER BY version DESC, number DESC`, func(r driver.Rows) error {
		var (
			text string
			e    RecentEvent
		)
		if err := r.Scan(&text); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(text), &e.Event); err != nil {
			return fmt.Errorf("a stored event is damaged: %w", err)
		}
		list = append(list, e)
		return nil
	}, values...)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].Event.Finding
	}
	found, err := s.findings(ctx, " PREWHERE id IN {ids:Array(String)}", []any{clickhouse.Named("ids", stringsOf(ids))})
	if err != nil {
		return nil, err
	}
	for i := range list {
		for j := range found {
			if found[j].ID == list[i].Event.Finding {
				list[i].Finding = found[j]
			}
		}
	}
	return list, nil
}

// EventCount is how many events of a kind there were.
type EventCount struct {
	Kind  string
	Count uint64
}

// CountEvents counts the events of the findings of a question from an instant
// on, by kind.
func (s *Store) CountEvents(ctx context.Context, q FindingQuestion, since time.Time) ([]EventCount, error) {
	clause, values := q.condition()
	values = append(values, clickhouse.Named("from", strconv.FormatInt(since.UnixNano(), 10)))
	var list []EventCount
	err := s.query(ctx, "count events", `SELECT kind, count() FROM finding_events
WHERE kind != '' AND at >= fromUnixTimestamp64Nano({from:Int64}, 'UTC') AND `+among(clause)+`
GROUP BY kind ORDER BY kind`, func(r driver.Rows) error {
		var c EventCount
		if err := r.Scan(&c.Kind, &c.Count); err != nil {
			return err
		}
		list = append(list, c)
		return nil
	}, values...)
	return list, err
}
