import { useMemo } from 'react';
import type { Schemas } from '../../api/client';
import { useGet } from '../../api/use';
import { at, bits, zoneText } from '../../format';
import { useSpeech } from '../../i18n';
import type { Drawing } from '../../parts/chart';
import { inkOf, palette } from '../../parts/ink';
import { Chart } from '../../parts/lazychart';
import { Loaded, Nothing, Panel } from '../../parts/show';
import { usePrefs } from '../../prefs';

type Traffic = Schemas['FindingTraffic'];
type Point = Schemas['TrafficPoint'];

const secondsOf = (p: Point): number => Math.max(1, (Date.parse(p.to) - Date.parse(p.from)) / 1000);

function Drawn({ of }: { of: Traffic }) {
  const s = useSpeech();
  const { shade } = usePrefs();
  const drawing = useMemo<Drawing>(() => {
    const ink = inkOf(shade);
    const [out, into] = palette[shade];
    const line = (name: string, color: string | undefined, pick: (p: Point) => number, office: boolean) => ({
      type: 'line' as const,
      name,
      color: color ?? ink.text,
      showSymbol: false,
      step: 'start' as const,
      lineStyle: { width: 1.5 },
      data: of.points.map((p) => [Date.parse(p.from), (8 * pick(p)) / secondsOf(p)]),
      ...(office
        ? { markArea: { silent: true, itemStyle: { color: shade === 'dark' ? 'rgba(143,212,96,0.14)' : 'rgba(56,158,13,0.10)' }, data: of.office.map((o) => [{ xAxis: Date.parse(o.from) }, { xAxis: Date.parse(o.to) }] as [object, object]) } }
        : {}),
    });
    // A band is a line at its lower edge, unseen, and its height stacked on it.
    const band = (name: string, color: string | undefined, pick: (p: Point) => number) => {
      const value = (p: Point): number => (8 * pick(p)) / secondsOf(p);
      const low = (p: Point): number => Math.max(0, value(p) * (1 - p.error_95));
      const plain = { type: 'line' as const, step: 'start' as const, showSymbol: false, silent: true, stack: name, stackStrategy: 'all' as const, lineStyle: { opacity: 0 }, tooltip: { show: false }, emphasis: { disabled: true } };
      return [
        { ...plain, name: `${name}-`, data: of.points.map((p) => [Date.parse(p.from), low(p)]) },
        { ...plain, name: `${name}+`, areaStyle: { color: color ?? ink.text, opacity: 0.28 }, data: of.points.map((p) => [Date.parse(p.from), value(p) * (1 + p.error_95) - low(p)]) },
      ];
    };
    const from = (p: Point): number => p.from_customer_bytes;
    const to = (p: Point): number => p.to_customer_bytes;
    return {
      aria: { enabled: true },
      grid: { left: 78, right: 16, top: 34, bottom: 62 },
      legend: { top: 0, data: [s.t('fromCustomer'), s.t('toCustomer')], textStyle: { color: ink.text } },
      tooltip: {
        trigger: 'axis',
        formatter: (raw: unknown) => {
          const [first] = raw as { dataIndex: number }[];
          const p = of.points[first?.dataIndex ?? -1];
          if (!p) return '';
          const one = (name: string, bytes: number): string => `${name}  ${bits((8 * bytes) / secondsOf(p))} ± ${(100 * p.error_95).toFixed(1)} %`;
          return [`${at(p.from)} – ${at(p.to).slice(11)}`, one(s.t('fromCustomer'), from(p)), one(s.t('toCustomer'), to(p)), `${s.t('samples')}  ${p.samples.toLocaleString(s.locale)}`].join('\n');
        },
      },
      xAxis: { type: 'time', axisLabel: { color: ink.text, hideOverlap: true, formatter: (v: number) => { const t = at(new Date(v).toISOString()); return t.endsWith('00:00') ? t.slice(5, 10) : t.slice(11); } }, axisLine: { lineStyle: { color: ink.line } } },
      yAxis: { type: 'value', min: 0, axisLabel: { color: ink.text, formatter: (v: number) => bits(v) }, splitLine: { lineStyle: { color: ink.line, opacity: 0.5 } } },
      dataZoom: [{ type: 'inside', zoomOnMouseWheel: 'ctrl' }, { type: 'slider', height: 18, bottom: 8, showDetail: false }],
      series: [line(s.t('fromCustomer'), out, from, true), line(s.t('toCustomer'), into, to, false), ...band('from', out, from), ...band('to', into, to)],
    };
  }, [of, s, shade]);
  return <Chart drawing={drawing} label={`${s.t('trafficChart')}: ${of.subject.id}`} height={300} />;
}

/** TrafficPanel draws what the subject carried, how sure that is, and when its
 * people work. */
export function TrafficPanel({ id }: { id: string }) {
  const s = useSpeech();
  const got = useGet('/api/v1/findings/{id}/traffic', { params: { path: { id } } });
  const zones = [...new Map((got.data?.office ?? []).map((o) => [o.end, o.zone])).values()];
  return (
    <Panel title={s.t('trafficChart')} note={<>{s.t('trafficUnit')} · {zoneText()}{zones.length > 0 && <> · <span className="office-key" /> {s.t('officeHours')} ({zones.join(', ')})</>}</>}>
      <Loaded got={got} rows={6}>{(of) => (of.points.length ? <Drawn of={of} /> : <Nothing>{s.t('noTraffic')}</Nothing>)}</Loaded>
    </Panel>
  );
}
