import { BarChart, HeatmapChart, LineChart } from 'echarts/charts';
import { AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkAreaComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import { init, use, type ECharts } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import type { BarSeriesOption, HeatmapSeriesOption, LineSeriesOption } from 'echarts/charts';
import type { DataZoomComponentOption, GridComponentOption, LegendComponentOption, TooltipComponentOption, VisualMapComponentOption } from 'echarts/components';
import type { ComposeOption } from 'echarts/core';
import { useEffect, useRef } from 'react';
import { usePrefs } from '../prefs';
import { inkOf, palette } from './ink';

use([BarChart, HeatmapChart, LineChart, AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkAreaComponent, TooltipComponent, VisualMapComponent, CanvasRenderer]);

export type Drawing = ComposeOption<BarSeriesOption | HeatmapSeriesOption | LineSeriesOption | DataZoomComponentOption | GridComponentOption | LegendComponentOption | TooltipComponentOption | VisualMapComponentOption>;

export default function Chart({ drawing, label, height = 260, onPick }: { drawing: Drawing; label: string; height?: number | string; onPick?: (name: string, data: unknown) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<ECharts>();
  const { shade } = usePrefs();
  const pick = useRef(onPick);
  pick.current = onPick;
  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current, undefined, { renderer: 'canvas' });
    chart.current = made;
    made.on('click', (e) => pick.current?.(e.name, e.data));
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(box.current);
    return () => {
      watch.disconnect();
      made.dispose();
    };
  }, []);
  useEffect(() => {
    const ink = inkOf(shade);
    chart.current?.setOption(
      {
        color: palette[shade],
        textStyle: { fontFamily: 'inherit', color: ink.text },
        animation: false,
        ...drawing,
        // Tooltips are drawn and not written as markup, which would bring styles
        // of its own and would have to be made safe.
        tooltip: { renderMode: 'richText', confine: true, backgroundColor: ink.back, textStyle: { color: ink.text }, ...(drawing.tooltip as object) },
      },
      { notMerge: true },
    );
  }, [drawing, shade]);
  return <div ref={box} className="chart" role="img" aria-label={label} style={{ height }} />;
}
