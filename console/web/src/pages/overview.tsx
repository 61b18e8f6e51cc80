import { FullscreenOutlined, ReloadOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import type { Schemas } from '../api/client';
import { useGet } from '../api/use';
import { at, count, percent, zoneText } from '../format';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { called, province } from '../names';
import { Bars } from '../parts/bars';
import type { Drawing } from '../parts/chart';
import { inkOf } from '../parts/ink';
import { Chart } from '../parts/lazychart';
import { Printing } from '../parts/printing';
import { Figure, Loaded, Nothing, Panel, Severity, State, Time, Raw } from '../parts/show';
import { Tiles } from '../parts/tiles';
import { usePrefs } from '../prefs';

type Of = Schemas['Overview'];

// A case is not settled in these states.
const unsettled = 'open,reviewing,confirmed,rectifying';
const settledLess = 0.9;

const numberOf = (list: Schemas['Count'][], key: string): number => list.find((c) => c.key === key)?.count ?? 0;

function Trend({ of, tall }: { of: Schemas['TrendDay'][]; tall: boolean }) {
  const s = useSpeech();
  const { shade } = usePrefs();
  const ink = useMemo(() => inkOf(shade), [shade]);
  const drawing = useMemo<Drawing>(
    () => ({
      grid: { left: 40, right: 12, top: 30, bottom: 24 },
      legend: { top: 0, textStyle: { color: ink.text } },
      tooltip: { trigger: 'axis' },
      xAxis: { type: 'category', data: of.map((d) => d.day.slice(5)), axisLabel: { color: ink.text }, axisLine: { lineStyle: { color: ink.line } } },
      yAxis: { type: 'value', minInterval: 1, axisLabel: { color: ink.text }, splitLine: { lineStyle: { color: ink.line, opacity: 0.5 } } },
      series: [
        { type: 'bar', name: s.t('trendOpened'), data: of.map((d) => d.opened), stack: 'in', color: '#d46b08' },
        { type: 'bar', name: s.t('trendClosed'), data: of.map((d) => d.closed), stack: 'out', color: '#389e0d' },
        { type: 'line', name: s.t('trendOpen'), data: of.map((d) => d.open), showSymbol: false },
      ],
    }),
    [of, s, ink],
  );
  return <Chart drawing={drawing} label={s.t('trend')} height={tall ? 250 : 236} />;
}

function Urgent({ wall }: { wall: boolean }) {
  const s = useSpeech();
  const got = useGet('/api/v1/findings', { params: { query: { state: unsettled, severity: 'critical,high', sort: '-severity', limit: wall ? 6 : 7 } } }, 60_000);
  return (
    <Panel title={s.t('urgent')} className="redline" extra={!wall && <Link to={`/findings?state=${unsettled}&severity=critical,high`}>{s.t('all')}{got.total !== undefined && ` ${count(s, got.total)}`}</Link>}>
      <Loaded got={got}>
        {(list) =>
          list.length === 0 ? (
            <Nothing>{s.t('urgentNone')}</Nothing>
          ) : (
            <ul className="list">
              {list.map((f) => (
                <li key={f.id}>
                  <Severity of={f.severity} />
                  <span>
                    <Link to={`/findings/${f.id}`}>{s.pick(f.title)}</Link>
                    <span className="sub dim"><Raw>{f.subject.name || f.subject.id}</Raw> · {called(s, 'subject', f.subject.kind)} <Raw>{f.subject.id}</Raw>{f.province && ` · ${province(s, f.province)}`}</span>
                  </span>
                  <State of={f.state} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Complete({ of, overall }: { of: Schemas['Completeness'][]; overall: number | null }) {
  const s = useSpeech();
  if (of.length === 0) return <Nothing>{s.t('noExporters')}</Nothing>;
  const low = of.some((e) => e.completeness < settledLess);
  return (
    <>
      <Bars top={12} whole={1} of={[...of].sort((a, b) => a.completeness - b.completeness).map((e) => ({ key: e.exporter, label: e.name || e.exporter, value: e.completeness, text: `${(100 * e.completeness).toFixed(0)} %`, bad: e.completeness < settledLess, to: '/system' }))} />
      <p className="dim">{overall !== null && `${s.t('overall')} ${percent(overall)} · `}{low ? s.t('lowCompleteness') : s.t('completenessWhat')}</p>
    </>
  );
}

function Changes({ of, wall }: { of: Of; wall: boolean }) {
  const s = useSpeech();
  return (
    <Panel title={s.t('changes')} note={<>{of.change_counts.map((c) => `${called(s, 'event', c.key)} ${c.count}`).join(' · ')}</>}>
      {of.changes.length === 0 ? (
        <Nothing>{s.t('noChanges')}</Nothing>
      ) : (
        <ul className="list">
          {of.changes.slice(0, wall ? 5 : 7).map((c, i) => (
            <li key={`${c.finding}-${i}`}>
              <Severity of={c.severity} />
              <span><Link to={`/findings/${c.finding}`}>{s.pick(c.title)}</Link><span className="sub dim">{called(s, 'event', c.kind)} · <Raw>{c.subject.name || c.subject.id}</Raw>{c.province && ` · ${province(s, c.province)}`}</span></span>
              <Time of={c.at} />
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Figures({ of }: { of: Of }) {
  const s = useSpeech();
  const { me } = useMe();
  const by = of.open.by_severity;
  const states = of.open.by_state;
  const noc = me?.role === 'noc';
  const least = of.completeness.reduce((n, e) => n + (e.completeness < settledLess ? 1 : 0), 0);
  return (
    <div className="figures">
      <Figure label={s.t('openFindings')} value={count(s, of.open.total)} to={`/findings?state=${unsettled}`} />
      {(['critical', 'high', 'medium', 'low'] as const).map((v) => (
        <Figure key={v} label={called(s, 'severity', v)} value={count(s, numberOf(by, v))} tone={numberOf(by, v) > 0 ? v : ''} to={`/findings?state=${unsettled}&severity=${v}`} />
      ))}
      {!noc && <Figure label={s.t('forReview')} value={count(s, numberOf(states, 'open') + numberOf(states, 'reviewing'))} to="/findings?state=open,reviewing" />}
      {!noc && <Figure label={s.t('inRectification')} value={count(s, numberOf(states, 'rectifying') + numberOf(states, 'confirmed'))} to="/findings?state=confirmed,rectifying" />}
      {of.overall_completeness !== null && <Figure label={s.t('completeness')} value={percent(of.overall_completeness)} tone={of.overall_completeness < settledLess ? 'critical' : 'good'} hint={least ? s.t('exportersBelow', { n: least }) : undefined} />}
    </div>
  );
}

function Clock() {
  const [now, setNow] = useState(() => new Date().toISOString());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date().toISOString()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <time>{at(now, 'second')} <span className="dim">{zoneText()}</span></time>;
}

export default function Overview({ wall = false }: { wall?: boolean }) {
  const s = useSpeech();
  const { me, can } = useMe();
  const go = useNavigate();
  const titles = useGet('/api/v1/rules', can('ledgers') ? {} : null);
  const titleOf = (id: string): string => s.pick(titles.data?.find((r) => r.id === id)?.title).replace(/（疑似）$| \(suspected\)$/, '') || id;
  const got = useGet('/api/v1/overview', { params: { query: { days: 30 } } }, 60_000);
  useEffect(() => {
    if (!wall) return;
    const leave = (e: KeyboardEvent): void => {
      if (e.key === 'Escape') void go('/');
    };
    addEventListener('keydown', leave);
    return () => removeEventListener('keydown', leave);
  }, [wall, go]);
  const role = me?.role === 'noc' ? s.t('roleNoc') : me?.role === 'compliance' ? s.t('roleCompliance') : me?.role === 'regulator' ? s.t('roleRegulator') : me?.role === 'admin' ? s.t('roleAdmin') : '';
  const noc = wall || me?.role === 'noc';
  const body = (
    <Loaded got={got} rows={10}>
      {(of) => {
        const provinces = new Map(of.open.by_province.map((c) => [c.key, c.count]));
        const complete = <Panel title={s.t('completeness')}><Complete of={of.completeness} overall={of.overall_completeness} /></Panel>;
        const bars = (list: Schemas['Count'][], key: string, name = (code: string) => code) => <Bars top={wall ? 8 : 10} of={list.map((c) => ({ key: c.key, label: name(c.key), value: c.count, to: `/findings?state=${unsettled}&${key}=${encodeURIComponent(c.key)}` }))} />;
        const clauses = <Panel title={s.t('byClause')}>{bars(of.open.by_clause, 'clause')}</Panel>;
        const rules = <Panel title={s.t('byRule')} className="titled">{bars(of.open.by_rule, 'rule', titleOf)}</Panel>;
        return (
          <>
            <Figures of={of} />
            <div className="grid">
              <div className="w4 stack">
                <Panel title={s.t('byProvince')} note={s.t('tiles')}><Tiles of={provinces} /></Panel>
                <Panel title={s.t('trend')}><Trend of={of.trend} tall={wall} /></Panel>
              </div>
              <div className="w5 stack"><Urgent wall={wall} /><Changes of={of} wall={wall} /></div>
              <div className="w3 stack">{noc ? complete : clauses}{rules}{!noc && complete}</div>
            </div>
          </>
        );
      }}
    </Loaded>
  );
  if (wall)
    return (
      <main className="wall">
        <div className="wall-head"><img src="/assets/mark.svg" alt="" width="32" height="32" /><h1>{me?.carrier} · {s.t('product')}</h1><Clock /><Button onClick={() => void go('/')}>{s.t('leaveWall')}</Button></div>
        {body}
        <p className="dim">{s.t('disclaimer')}</p>
      </main>
    );
  return (
    <>
      <div className="title">
        <h1>{s.t('overview')}</h1>
        <span className="dim">{role}{got.data && <> · {s.t('asOf')} <Time of={got.data.as_of} /></>}</span>
        <div className="title-right">
          <Button className="no-print" icon={<ReloadOutlined />} loading={got.loading && got.data !== undefined} onClick={got.reload}>{s.t('reload')}</Button>
          <Printing />
          <Button className="no-print" icon={<FullscreenOutlined />} onClick={() => void go('/wall')}>{s.t('wall')}</Button>
        </div>
      </div>
      {body}
    </>
  );
}
