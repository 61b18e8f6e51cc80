import { Button, Progress, Segmented, Table } from 'antd';
import '../style/more.css';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import type { Schemas } from '../api/client';
import { useGet } from '../api/use';
import { at, bytes, count, duration, percent } from '../format';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { called, province } from '../names';
import { Agreement, Directions } from '../parts/counters';
import { Printing } from '../parts/printing';
import { Figure, Loaded, Nothing, Panel, Raw, Time } from '../parts/show';

type System = Schemas['System'];

function Ok({ is }: { is: boolean }) {
  const s = useSpeech();
  return <span className={is ? 'good' : 'bad'}>{is ? `✓ ${s.t('ok')}` : `✗ ${s.t('notOk')}`}</span>;
}

function Health({ of: v }: { of: System }) {
  const s = useSpeech();
  const wrong = v.checks.filter((c) => !c.ok).length;
  const up = (new Date(v.now).getTime() - new Date(v.started).getTime()) / 1000;
  return (
    <>
      <div className="figures">
        <Figure label={s.t('health')} value={<Ok is={wrong === 0} />} tone={wrong ? 'critical' : 'good'} hint={s.t('checksRight', { n: v.checks.length - wrong, of: v.checks.length })} />
        <Figure label={s.t('engine')} value={v.engine === 'embedded' ? s.t('sysEmbedded') : v.engine} hint={`${s.t('restarts')} ${count(s, v.engine_restarts)}`} tone={v.engine_restarts ? 'medium' : ''} />
        <Figure label={s.t('spool')} value={`${count(s, v.spool_entries)} ${s.t('spoolEntries')}`} tone={v.spool_entries ? 'medium' : ''} hint={<>{bytes(v.spool_bytes)} · {v.spool_state === 'open' ? s.t('sysSpoolOpen') : v.spool_state}{v.spool_oldest && <> · {s.t('since')} {at(v.spool_oldest)}</>}</>} />
        <Figure label={s.t('schema')} value={v.schema} tone={v.schema === v.newest_schema ? '' : 'high'} hint={v.schema === v.newest_schema ? s.t('ok') : `→ ${v.newest_schema}`} />
        <Figure label={s.t('started')} value={duration(s, up)} hint={at(v.started, 'second')} />
        <Figure label={s.t('version')} value={<span className="figure-hint">{v.version}</span>} hint={`${v.go} · ${v.timezone}`} />
      </div>
      <div className="grid">
        <Panel className="w4" title={s.t('health')}>
          <Table
            size="small"
            pagination={false}
            rowKey="name"
            dataSource={v.checks}
            columns={[
              { title: s.t('check'), render: (_, c) => <span title={c.name}>{called(s, 'check', c.name)}</span> },
              { title: s.t('state'), render: (_, c) => <Ok is={c.ok} /> },
              { title: s.t('detail'), render: (_, c) => <Raw>{c.detail}</Raw> },
            ]}
          />
        </Panel>
        <Panel className="w8" title={s.t('jobs')} note={<Link to="/reports">{s.t('reports')}</Link>}>
          {v.jobs.length === 0 ? <Nothing>{s.t('noJobs')} {s.t('sysJobsNext')}</Nothing> : (
            <Table
              size="small"
              pagination={{ pageSize: 5, hideOnSinglePage: true }}
              scroll={{ x: 'max-content' }}
              rowKey="id"
              dataSource={v.jobs}
              columns={[
                { title: s.t('kind'), render: (_, j) => (j.kind === 'backtest' ? <Link to={`/rules/${encodeURIComponent(j.title)}?backtest=${j.id}`}>{s.t('backtest')} {j.title}</Link> : <Raw>{(j.title || j.kind).replace(/^quarterly\b/, s.t('sysQuarterly'))}</Raw>) },
                { title: s.t('state'), render: (_, j) => called(s, 'job', j.state) },
                { title: s.t('progress'), width: 220, render: (_, j) => <><Progress aria-label={s.t('progress')} size="small" percent={Math.round(100 * j.progress)} status={j.state === 'failed' ? 'exception' : undefined} />{j.error ? <span className="bad"><Raw>{j.error}</Raw></span> : <span className="dim">{called(s, 'step', j.step)}</span>}</> },
                { title: s.t('begun'), render: (_, j) => <Time of={j.began} /> },
                { title: s.t('ended'), render: (_, j) => <Time of={j.ended} /> },
                { title: s.t('by'), render: (_, j) => <Raw>{j.by}</Raw> },
              ]}
            />
          )}
        </Panel>
      </div>
    </>
  );
}

function Tables({ of }: { of: System['tables'] }) {
  const s = useSpeech();
  const total = of.reduce((sum, t) => sum + t.bytes, 0);
  return (
    <Panel title={s.t('tables')} note={bytes(total)}>
      <Table
        size="small"
        rowKey="name"
        pagination={{ pageSize: 15, hideOnSinglePage: true, showSizeChanger: false }}
        dataSource={of}
        columns={[
          { title: s.t('label'), sorter: (a, b) => a.name.localeCompare(b.name), render: (_, t) => <span className="mono">{t.name}</span> },
          { title: s.t('rowsCount'), align: 'right', sorter: (a, b) => a.rows - b.rows, render: (_, t) => <span className="num">{count(s, t.rows)}</span> },
          { title: s.t('size'), align: 'right', defaultSortOrder: 'descend', sorter: (a, b) => a.bytes - b.bytes, render: (_, t) => <span className="num">{bytes(t.bytes)}</span> },
        ]}
      />
    </Panel>
  );
}

function Exporters({ turn }: { turn: number }) {
  const s = useSpeech();
  const [span, setSpan] = useState(1);
  const from = useMemo(() => (turn >= 0 ? new Date(Date.now() - span * 86400e3).toISOString() : ''), [span, turn]);
  const got = useGet('/api/v1/exporters', { params: { query: { from } } });
  return (
    <Panel
      title={s.t('books')}
      note={s.t('completenessWhat')}
      extra={<Segmented<number> className="no-print" size="small" value={span} onChange={setSpan} options={[1, 7, 31].map((n) => ({ value: n, label: `${n} ${s.t('days')}` }))} />}
    >
      <Loaded got={got}>
        {(list) =>
          list.length === 0 ? <Nothing>{s.t('noExporters')}</Nothing> : (
            <Table
              size="small"
              pagination={{ pageSize: 50, hideOnSinglePage: true }}
              scroll={{ x: 'max-content' }}
              rowKey="exporter"
              dataSource={list}
              expandable={{ expandedRowRender: (e) => <span className="dim"><Directions of={e.counters} /></span> }}
              columns={[
                { title: s.t('exporter'), render: (_, e) => <><strong><Raw>{e.name || e.exporter}</Raw></strong> <span className="num dim">{e.exporter}</span></> },
                { title: s.t('place'), render: (_, e) => province(s, e.place) },
                { title: s.t('inLedgers'), render: (_, e) => (e.in_ledgers ? s.t('yes') : <span className="bad">{s.t('no')} · {s.t('sysAddExporter')}</span>) },
                { title: s.t('completeness'), align: 'right', sorter: (a, b) => a.completeness - b.completeness, render: (_, e) => <span className={`num ${e.completeness < 0.9 ? 'bad' : 'good'}`}>{percent(e.completeness)}</span> },
                { title: <span title={s.t('countersWhat')}>{s.t('counters')}</span>, render: (_, e) => <Agreement of={e.counters} /> },
                { title: s.t('minutesHeard'), align: 'right', render: (_, e) => <span className="num">{count(s, e.minutes_heard)} / {count(s, span * 1440)}</span> },
                { title: `${s.t('received')} (${s.t('sysRecords')})`, align: 'right', render: (_, e) => <span className="num">{count(s, e.received)}</span> },
                { title: s.t('stored'), align: 'right', render: (_, e) => <span className="num">{count(s, e.stored)}</span> },
                { title: s.t('sysLost'), align: 'right', render: (_, e) => <span className={`num ${e.received > e.stored ? 'bad' : ''}`}>{count(s, e.received - e.stored)}</span> },
                { title: s.t('missed'), align: 'right', render: (_, e) => <span className={`num ${e.missed ? 'bad' : ''}`}>{count(s, e.missed)}</span> },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function Peers() {
  const s = useSpeech();
  const { me } = useMe();
  // Sessions carry the routes of the whole country: who is confined is not shown them.
  const confined = (me?.provinces.length ?? 0) > 0;
  const got = useGet('/api/v1/peers', confined ? null : {}, 30_000);
  if (confined) return <Panel title={s.t('peersAndRouters')}><Nothing>{s.t('wholeOnly')}</Nothing></Panel>;
  return (
    <Panel title={s.t('peersAndRouters')}>
      <Loaded got={got}>
        {(list) =>
          list.length === 0 ? <Nothing>{s.t('noPeers')}</Nothing> : (
            <Table
              size="small"
              pagination={{ pageSize: 20, hideOnSinglePage: true }}
              rowKey={(p) => `${p.kind} ${p.address} ${p.name}`}
              dataSource={list}
              columns={[
                { title: s.t('kind'), render: (_, p) => p.kind.toUpperCase() },
                { title: s.t('label'), render: (_, p) => <Raw>{p.name}</Raw> },
                { title: s.t('address'), render: (_, p) => <span className="num">{p.address}</span> },
                { title: 'ASN', render: (_, p) => <span className="num">{p.asn ? `AS${p.asn}` : ''}</span> },
                { title: s.t('state'), render: (_, p) => <span className={p.state === 'established' || p.state === 'up' ? 'good' : 'bad'}>{p.state === 'established' ? s.t('sysUp') : p.state}</span> },
                { title: s.t('begun'), render: (_, p) => <Time of={p.since} how="second" /> },
                { title: s.t('routesCount'), align: 'right', render: (_, p) => <span className="num">{count(s, p.routes)}</span> },
                { title: s.t('detail'), render: (_, p) => <Raw>{p.detail}</Raw> },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

/** SystemPage is whether all works: checks, exporters with their books, peers,
 * engine, spool, tables and jobs. It reads itself anew. */
export default function SystemPage() {
  const s = useSpeech();
  const [turn, setTurn] = useState(0);
  const got = useGet('/api/v1/system', {}, 10_000);
  return (
    <>
      <div className="title">
        <h1>{s.t('system')}</h1>
        {got.data && <span className="dim">{s.t('asOf')} {at(got.data.now, 'second')}</span>}
        <div className="title-right">
          <Button onClick={() => { setTurn((n) => n + 1); got.reload(); }}>{s.t('reload')}</Button>
          <Printing />
        </div>
      </div>
      <Loaded got={got} rows={6}>{(v) => <Health of={v} />}</Loaded>
      <Exporters turn={turn} />
      <Peers />
      {got.data && <Tables of={got.data.tables} />}
    </>
  );
}
