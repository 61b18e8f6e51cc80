import { Button, DatePicker, Form, Input, Segmented, Table } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import '../style/more.css';
import { useMemo, type ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';
import type { Schemas } from '../api/client';
import { useGet } from '../api/use';
import { at, duration } from '../format';
import { useSpeech } from '../i18n';
import { called } from '../names';
import { resourceLink } from '../parts/resource';
import { Printing } from '../parts/printing';
import { Loaded, Nothing, Panel, Raw, Time } from '../parts/show';

type Route = Schemas['Route'];

const dayOf = (instant: string | undefined): string | undefined => (instant ? at(instant, 'day') : undefined);

/** Path is an AS path whose last system, the origin, leads to who holds it. */
function Path({ of, day }: { of: Route; day: string | undefined }) {
  const s = useSpeech();
  if (of.path === '') return <span className="dim">{s.t('rouOwn')}</span>;
  return (
    <span className="num">
      {of.path.split(' ').map((asn, i, all) => (
        <span key={i}>{i > 0 && ' '}{/^\d+$/.test(asn) && i === all.length - 1 ? <Link to={resourceLink({ q: `AS${asn}`, day })}><strong>{asn}</strong></Link> : asn}</span>
      ))}
    </span>
  );
}

function RouteTable({ of, day }: { of: Route[]; day: string | undefined }) {
  const s = useSpeech();
  return (
    <Table
      size="small"
      rowKey={(_, i) => String(i)}
      scroll={{ x: 'max-content' }}
      pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
      dataSource={of}
      columns={[
        { title: s.t('prefix'), sorter: (a, b) => a.prefix.localeCompare(b.prefix, 'en', { numeric: true }), render: (_, r) => <Link className="num" to={`?prefix=${encodeURIComponent(r.prefix)}`}>{r.prefix}</Link> },
        { title: s.t('path'), render: (_, r) => <Path of={r} day={day} /> },
        { title: s.t('router'), filters: [...new Set(of.map((r) => r.router))].map((v) => ({ text: v, value: v })), onFilter: (v, r) => r.router === v, render: (_, r) => <span className="num">{r.router}</span> },
        { title: s.t('peer'), render: (_, r) => <span className="num">{r.peer} <span className="dim">AS{r.peer_as}</span></span> },
        { title: s.t('view'), render: (_, r) => called(s, 'view', r.view) },
        { title: s.t('nextHop'), render: (_, r) => <span className="num">{r.next_hop}</span> },
        { title: s.t('communities'), render: (_, r) => <Raw>{r.communities.join(' ')}</Raw> },
        { title: s.t('rpki'), render: (_, r) => <span className={r.validity === 'invalid' ? 'bad' : ''}>{called(s, 'rpki', r.validity)}</span> },
        { title: s.t('heldFrom'), render: (_, r) => <Time of={r.from} /> },
        { title: s.t('heldTo'), render: (_, r) => (r.to ? <Time of={r.to} /> : <span className="good">{s.t('still')}</span>) },
      ]}
    />
  );
}

/** Held shows the routes of an instant, and what follows only when they may be read. */
function Held({ prefix, instant, known, children }: { prefix: string; instant: string | undefined; known: string | undefined; children: ReactNode }) {
  const s = useSpeech();
  const got = useGet('/api/v1/routes', { params: { query: { prefix, at: instant, known } } });
  return (
    <>
      <Panel title={s.t('routesAt')} note={instant ? at(instant, 'second') : s.t('now')}>
        <Loaded got={got}>{(list) => (list.length === 0 ? <Nothing>{s.t('noRoutes')} {s.t('rouNext')}</Nothing> : <RouteTable of={list} day={dayOf(instant)} />)}</Loaded>
      </Panel>
      {got.data && children}
    </>
  );
}

/** Spans draws when a prefix had an origin, from the left end of time to the right. */
function Spans({ of, from, to }: { of: Schemas['Span'][]; from: number; to: number }) {
  const x = (text: string): number => (1000 * (Math.min(to, Math.max(from, Date.parse(text))) - from)) / (to - from);
  return (
    <svg className="spans" viewBox="0 0 1000 18" preserveAspectRatio="none" role="img" aria-label={of.map((v) => `${at(v.from)} – ${at(v.to)}`).join('; ')}>
      <rect className="ground" width="1000" height="18" />
      {of.map((v) => <rect key={v.from} className="span" x={x(v.from)} y="4" width={Math.max(2, x(v.to) - x(v.from))} height="10"><title>{`${at(v.from, 'second')} – ${at(v.to, 'second')}`}</title></rect>)}
    </svg>
  );
}

function Origins({ prefix, from, to }: { prefix: string; from: string; to: string }) {
  const s = useSpeech();
  const got = useGet('/api/v1/routes/origins', { params: { query: { prefix, from, to } } });
  return (
    <Panel title={s.t('origins')} note={`${at(from)} – ${at(to)}`}>
      <Loaded got={got}>
        {(list) =>
          list.length === 0 ? <Nothing>{s.t('rouNoOrigins')}</Nothing> : (
            <Table
              size="small"
              rowKey={(o) => `${o.prefix} ${o.origin}`}
              pagination={{ pageSize: 20, hideOnSinglePage: true, showSizeChanger: false }}
              dataSource={list}
              columns={[
                { title: s.t('prefix'), width: 180, render: (_, o) => <Link className="num" to={resourceLink({ block: o.prefix, day: dayOf(to) })}>{o.prefix}</Link> },
                { title: s.t('origin'), width: 160, render: (_, o) => <><Link className="num" to={resourceLink({ q: `AS${o.origin}`, day: dayOf(to) })}>AS{o.origin}</Link>{o.set_only && <span className="dim"> {s.t('rouSet')}</span>}</> },
                { title: s.t('held'), width: 110, align: 'right', sorter: (a, b) => a.held_seconds - b.held_seconds, render: (_, o) => <span className="num">{duration(s, o.held_seconds)}</span> },
                { title: `${at(from)} → ${at(to)}`, render: (_, o) => <Spans of={o.spans} from={Date.parse(from)} to={Date.parse(to)} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function History({ prefix, from, to }: { prefix: string; from: string; to: string }) {
  const s = useSpeech();
  const got = useGet('/api/v1/routes/history', { params: { query: { prefix, from, to } } });
  return (
    <Panel title={s.t('pathHistory')} note={`${at(from)} – ${at(to)}`}>
      <Loaded got={got}>{(list) => (list.length === 0 ? <Nothing>{s.t('rouNoOrigins')}</Nothing> : <RouteTable of={list} day={dayOf(to)} />)}</Loaded>
    </Panel>
  );
}

type Fields = { prefix: string; at?: Dayjs | null; known?: Dayjs | null };

/** RoutesPage shows routes to a prefix as of an instant and who originated it. */
export default function RoutesPage() {
  const s = useSpeech();
  const [asked, ask] = useSearchParams();
  const prefix = asked.get('prefix') ?? '';
  const instant = asked.get('at') ?? undefined;
  const known = asked.get('known') ?? undefined;
  const days = Number(asked.get('days')) || 7;
  const to = useMemo(() => instant ?? new Date().toISOString(), [instant]);
  const from = new Date(Date.parse(to) - days * 86400e3).toISOString();
  const send = (f: Fields): void => {
    const next = new URLSearchParams();
    if (f.prefix.trim()) next.set('prefix', f.prefix.trim());
    if (f.at) next.set('at', f.at.toISOString());
    if (f.known) next.set('known', f.known.toISOString());
    if (days !== 7) next.set('days', String(days));
    ask(next);
  };
  return (
    <>
      <div className="title">
        <h1>{s.t('routes')} <bdi className="num">{prefix}</bdi></h1>
        <div className="title-right"><Printing /></div>
      </div>
      <Form<Fields> key={asked.toString()} className="no-print" layout="inline" onFinish={send} initialValues={{ prefix, at: instant ? dayjs(instant) : null, known: known ? dayjs(known) : null }}>
        <Form.Item name="prefix" rules={[{ required: true, message: s.t('prefixHint') }]}><Input className="wide-select" allowClear placeholder={s.t('prefixHint')} aria-label={s.t('prefix')} /></Form.Item>
        <Form.Item name="at" label={s.t('pathTime')}><DatePicker showTime maxDate={dayjs()} placeholder={s.t('now')} /></Form.Item>
        <Form.Item name="known" label={s.t('knownAt')}><DatePicker showTime maxDate={dayjs()} placeholder={s.t('now')} /></Form.Item>
        <Button type="primary" htmlType="submit">{s.t('search')}</Button>
      </Form>
      {prefix === '' ? <Panel title={s.t('routesAt')}><Nothing>{s.t('askPrefix')}</Nothing></Panel> : (
        <Held key={prefix} prefix={prefix} instant={instant} known={known}>
          <div className="title no-print">
            <Segmented<number> value={days} onChange={(n) => { const next = new URLSearchParams(asked); next.set('days', String(n)); ask(next); }} options={[1, 7, 31, 400].map((n) => ({ value: n, label: `${n} ${s.t('days')}` }))} />
          </div>
          <Origins prefix={prefix} from={from} to={to} />
          {days <= 31 && <History prefix={prefix} from={from} to={to} />}
        </Held>
      )}
    </>
  );
}
