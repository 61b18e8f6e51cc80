import { lazy, Suspense } from 'react';
import type { Drawing } from './chart';

const Drawn = lazy(() => import('./chart'));

/** Chart draws when its library is there; the page does not wait for it. */
export function Chart(p: { drawing: Drawing; label: string; height?: number | string; onPick?: (name: string, data: unknown) => void }) {
  return (
    <Suspense fallback={<div className="chart" style={{ height: p.height ?? 260 }} />}>
      <Drawn {...p} />
    </Suspense>
  );
}
