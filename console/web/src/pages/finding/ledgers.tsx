import { Link } from 'react-router';
import type { Schemas } from '../../api/client';
import type { Got } from '../../api/use';
import { useSpeech } from '../../i18n';
import { called, cellText } from '../../names';
import { Loaded, Nothing, Panel, Raw, Time } from '../../parts/show';

type Row = Schemas['LedgerRow'];

/** LedgersPanel shows the rows that the finding rests on as they were known when
 * it was judged, and whether they have been closed since. */
export function LedgersPanel({ got }: { got: Got<Schemas['FindingLedgers']> }) {
  const s = useSpeech();
  return (
    <Panel title={s.t('ledgerRows')} note={got.data && <>{s.t('ledgersKnown')} <Time of={got.data.known} how="second" /></>}>
      <Loaded got={got}>
        {(of) => {
          if (of.rows.length === 0) return <Nothing>{s.t('noRows')}</Nothing>;
          const kinds = new Map<string, Row[]>();
          for (const r of of.rows) kinds.set(r.ledger, [...(kinds.get(r.ledger) ?? []), r]);
          return (
            <div className="stack">
              {[...kinds].map(([ledger, rows]) => {
                // Columns that are empty in all rows say nothing.
                const columns = (rows[0]?.columns ?? []).map((name, i) => ({ name, i })).filter(({ i }) => rows.some((r) => r.fields[i]));
                return (
                  <div key={ledger}>
                    <h3><Link to={`/ledgers?ledger=${ledger}`}>{called(s, 'ledger', ledger)}</Link> <span className="dim">{rows.length}</span></h3>
                    <div className="scroll tall">
                      <table className="plain">
                        <thead><tr>{columns.map((c) => <th key={c.name} title={c.name}>{called(s, 'column', c.name)}</th>)}<th>{s.t('since')}</th></tr></thead>
                        <tbody>{rows.map((r, n) => <tr key={n}>{columns.map((c) => <td key={c.name} title={r.fields[c.i]}><Raw>{cellText(s, ledger, c.name, r.fields[c.i] ?? '')}</Raw></td>)}<td><Time of={r.known} />{r.closed && <span className="dim"> – <Time of={r.closed} /></span>}</td></tr>)}</tbody>
                      </table>
                    </div>
                  </div>
                );
              })}
            </div>
          );
        }}
      </Loaded>
    </Panel>
  );
}
