import { Table, Tag } from 'antd';
import '../style/more.css';
import { Link, useParams } from 'react-router';
import type { Schemas } from '../api/client';
import { useGet } from '../api/use';
import { count, percent } from '../format';
import { useSpeech } from '../i18n';
import { paramText } from '../parts/param';
import { Printing } from '../parts/printing';
import { Clauses, Loaded, Nothing, Pairs, Panel } from '../parts/show';
import { Backtests } from './backtest';

type Rule = Schemas['Rule'];
type Param = Schemas['Param'];

/** Precision is the share that people confirmed, with its interval drawn, or the
 * plain statement that nobody has judged yet. */
function Precision({ of, long }: { of: Rule['precision']; long?: boolean }) {
  const s = useSpeech();
  if (!of || of.share === null || of.low === null || of.high === null) return <span className="dim">{s.t('notJudged')}</span>;
  const text = `${percent(of.share)} (${percent(of.low)} – ${percent(of.high)})`;
  const judged = s.t('ruleJudged', { c: count(s, of.confirmed), n: count(s, of.confirmed + of.dismissed) });
  return (
    <span className="interval" title={s.t('precisionWhat')}>
      <svg viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label={text}>
        <rect className="ground" width="100" height="12" />
        <rect className="band" x={100 * of.low} y="3" width={Math.max(1, 100 * (of.high - of.low))} height="6" />
        <rect className="point" x={Math.max(0, 100 * of.share - 1)} width="2" height="12" />
      </svg>
      <span><span className="num">{text}</span>{long && <span className="dim"> · {judged}</span>}</span>
    </span>
  );
}

const changedParams = (r: Rule): Param[] => r.params.filter((p) => p.value !== p.default);

function List() {
  const s = useSpeech();
  const got = useGet('/api/v1/rules', {});
  return (
    <>
      <div className="title">
        <h1>{s.t('rules')}</h1>
        <span className="dim">{s.t('precisionWhat')}</span>
        <div className="title-right"><Printing /></div>
      </div>
      <Loaded got={got} rows={10}>
        {(rules) =>
          rules.length === 0 ? <Nothing>{s.t('ruleNone')}</Nothing> : (
            <Panel title={s.t('rules')} note={count(s, rules.length)}>
              <Table
                size="small"
                pagination={false}
                rowKey="id"
                dataSource={rules}
                columns={[
                  { title: s.t('rule'), sorter: (a, b) => a.id.localeCompare(b.id), render: (_, r) => <Link className="num" to={`/rules/${encodeURIComponent(r.id)}`}>{r.id}</Link> },
                  { title: s.t('meaning'), render: (_, r) => <Link to={`/rules/${encodeURIComponent(r.id)}`}>{s.pick(r.title)}</Link> },
                  { title: s.t('clauses'), render: (_, r) => <Clauses of={r.clauses} /> },
                  { title: s.t('needs'), filters: [...new Set(rules.map((r) => s.pick(r.needs)))].map((n) => ({ text: n, value: n })), onFilter: (v, r) => s.pick(r.needs) === v, render: (_, r) => <Tag>{s.pick(r.needs)}</Tag> },
                  { title: s.t('parameters'), align: 'right', className: 'nowrap', render: (_, r) => <span className="num">{r.params.length}{changedParams(r).length > 0 && <Tag color="blue" className="tag-after">{s.t('ruleChanged', { n: changedParams(r).length })}</Tag>}</span> },
                  { title: s.t('precision'), className: 'nowrap', sorter: (a, b) => (a.precision?.share ?? -1) - (b.precision?.share ?? -1), render: (_, r) => <Precision of={r.precision} /> },
                  { title: s.t('version'), className: 'nowrap', render: (_, r) => <span className="num">{r.version}</span> },
                ]}
              />
            </Panel>
          )
        }
      </Loaded>
    </>
  );
}

function Params({ of }: { of: Param[] }) {
  const s = useSpeech();
  if (of.length === 0) return <Nothing>{s.t('ruleNoParams')}</Nothing>;
  return (
    <Table
      size="small"
      pagination={false}
      rowKey="name"
      dataSource={of}
      columns={[
        { title: s.t('label'), render: (_, p) => <span className="mono">{p.name}</span> },
        { title: s.t('value'), align: 'right', render: (_, p) => <span className="num">{p.value !== p.default ? <strong><span className="rowlink">●</span> {paramText(s, p.value, p.unit)}</strong> : paramText(s, p.value, p.unit)}</span> },
        { title: s.t('default'), align: 'right', render: (_, p) => <span className="num">{paramText(s, p.default, p.unit)}</span> },
        { title: s.t('range'), align: 'right', render: (_, p) => <span className="num">{paramText(s, p.min, /^share/.test(p.unit) ? 'share' : '')} – {paramText(s, p.max, p.unit)}</span> },
        { title: s.t('meaning'), render: (_, p) => s.pick(p.meaning) },
      ]}
    />
  );
}

function Detail({ id }: { id: string }) {
  const s = useSpeech();
  const got = useGet('/api/v1/rules/{id}', { params: { path: { id } } });
  return (
    <>
      <div className="title">
        <Link className="no-print" to="/rules">← {s.t('rules')}</Link>
        <h1><span className="num">{id}</span> {s.pick(got.data?.title)}</h1>
        <div className="title-right"><Printing /></div>
      </div>
      <Loaded got={got} rows={8}>
        {(r) => (
          <>
            <Panel title={s.t('claim')}><p>{s.pick(r.claim)}</p></Panel>
            <Panel title={s.t('rule')}>
              <Pairs
                of={[
                  [s.t('clauses'), <Clauses key="c" of={r.clauses} />],
                  [s.t('version'), <span key="v" className="num">{r.version}</span>],
                  [s.t('needs'), s.pick(r.needs)],
                  [s.t('lookback'), `${r.lookback_days} ${s.t('days')}`],
                  [s.t('quiet'), `${r.quiet_days} ${s.t('days')}`],
                  [s.t('findings'), <Link key="f" to={`/findings?rule=${encodeURIComponent(r.id)}`}>{s.t('openOfRule')}</Link>],
                ]}
              />
            </Panel>
            <Panel title={s.t('precision')} note={s.t('precisionWhat')}><Precision of={r.precision} long /></Panel>
            <Panel title={s.t('parameters')} note={s.t('paramsFrom')}><Params of={r.params} /></Panel>
            <Backtests rule={r} />
          </>
        )}
      </Loaded>
    </>
  );
}

/** Rules lists the rules in force, or shows one. */
export default function Rules() {
  const { id } = useParams();
  return id ? <Detail key={id} id={id} /> : <List />;
}
