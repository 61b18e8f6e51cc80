package storage

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/linewarden/linewarden/rules"
)

// Adjudications returns what people decided about the findings of each rule that
// has any decided ones, ordered by rule. It counts the latest decision about
// each finding in the log of cases; a proposal of the first of two persons is
// none. With provinces, it counts findings of these alone.
func (s *Store) Adjudications(ctx context.Context, provinces ...string) ([]rules.Adjudications, error) {
	var (
		list   []rules.Adjudications
		within string
		values []any
	)
	if len(provinces) > 0 {
		within = " HAVING argMax(province, version) IN {provinces:Array(String)}"
		values = append(values, clickhouse.Named("provinces", stringsOf(provinces)))
	}
	err := s.query(ctx, "count adjudicated findings", `SELECT rule, countIf(decided = 'confirmed') AS confirmed, countIf(decided = 'dismissed') AS dismissed
FROM
(
    SELECT id, argMax(if(kind = 'moved', became, 'taken back'), (version, number)) AS decided
    FROM
    (
        SELECT id, version, number, toString(kind) AS kind, JSONExtractString(event, 'to') AS became, JSONExtractString(event, 'from') AS was
        FROM finding_events WHERE kind IN ('moved', 'reopened')
    )
    WHERE kind = 'moved' AND became IN ('confirmed', 'dismissed') OR kind = 'reopened' AND was = 'dismissed'
    GROUP BY id
) AS cases
INNER JOIN (SELECT id, any(rule) AS rule FROM findings GROUP BY id`+within+`) AS subjects USING (id)
WHERE decided IN ('confirmed', 'dismissed')
GROUP BY rule ORDER BY rule`,
		func(r driver.Rows) error {
			var a rules.Adjudications
			err := r.Scan(&a.Rule, &a.Confirmed, &a.Dismissed)
			list = append(list, a)
			return err
		}, values...)
	return list, err
}
