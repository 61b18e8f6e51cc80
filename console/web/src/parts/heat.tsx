import { useMemo } from 'react';
import type { Schemas } from '../api/client';
import { bits } from '../format';
import { useSpeech } from '../i18n';
import { called } from '../names';
import { usePrefs } from '../prefs';
import type { Drawing } from './chart';
import { inkOf } from './ink';
import { Chart } from './lazychart';

/** Heat draws what a line carries in each hour of the week, both ways together,
 * in the local time of one end. */
export function Heat({ of }: { of: Schemas['HeatZone'] }) {
  const s = useSpeech();
  const { shade } = usePrefs();
  const drawing = useMemo<Drawing>(() => {
    const ink = inkOf(shade);
    const days = Array.from({ length: 7 }, (_, i) => new Intl.DateTimeFormat(s.locale, { weekday: 'short', timeZone: 'UTC' }).format(new Date(Date.UTC(2024, 0, 1 + i))));
    const cells = of.from_customer_bps.flatMap((row, d) => row.map((v, h) => [h, 6 - d, v + (of.to_customer_bps[d]?.[h] ?? 0)]));
    const peak = Math.max(...cells.map((c) => c[2] ?? 0), 1);
    return {
      aria: { enabled: true },
      grid: { left: 48, right: 8, top: 6, bottom: 54 },
      tooltip: {
        formatter: (raw: unknown) => {
          const [h = 0, row = 0] = (raw as { data: number[] }).data;
          const d = 6 - row;
          return [`${days[d]} ${String(h).padStart(2, '0')}:00–${String(h + 1).padStart(2, '0')}:00  ${of.zone}`, `${s.t('fromCustomer')}  ${bits(of.from_customer_bps[d]?.[h] ?? 0)}`, `${s.t('toCustomer')}  ${bits(of.to_customer_bps[d]?.[h] ?? 0)}`].join('\n');
        },
      },
      xAxis: { type: 'category', data: Array.from({ length: 24 }, (_, h) => String(h)), axisLabel: { color: ink.text, interval: 1 }, axisTick: { show: false }, axisLine: { show: false } },
      yAxis: { type: 'category', data: [...days].reverse(), axisLabel: { color: ink.text }, axisTick: { show: false }, axisLine: { show: false } },
      visualMap: { min: 0, max: peak, orient: 'horizontal', left: 'center', bottom: 0, itemWidth: 12, itemHeight: 120, calculable: false, text: [bits(peak), '0'], textStyle: { color: ink.text }, inRange: { color: shade === 'dark' ? ['#1f2329', '#17406e', '#2f7ac6', '#f0d35a', '#ff8f5a'] : ['#f3f5f8', '#bcd7f5', '#5a9be0', '#f2c14e', '#c1272d'] } },
      series: [{ type: 'heatmap', data: cells, itemStyle: { borderColor: ink.back, borderWidth: 1 } }],
    };
  }, [of, s, shade]);
  return (
    <figure className="heat">
      <figcaption><strong>{called(s, 'end', of.end)}</strong> <span className="dim">{of.zone} {s.t('localTime')}</span></figcaption>
      <Chart drawing={drawing} label={`${s.t('heat')}, ${of.end.toUpperCase()}, ${of.zone}`} height={264} />
    </figure>
  );
}
