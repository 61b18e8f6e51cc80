import { Button } from 'antd';
import { useState } from 'react';
import { count } from '../format';
import { useSpeech } from '../i18n';

const none: readonly string[] = [];

/** usePages steps through a list that is read by cursors; it begins anew when
 * what is listed changes. */
export function usePages(of: string) {
  const [trail, setTrail] = useState({ of, cursors: none });
  const cursors = trail.of === of ? trail.cursors : none;
  return {
    cursor: cursors.at(-1),
    page: cursors.length,
    next: (cursor: string): void => setTrail({ of, cursors: [...cursors, cursor] }),
    before: (): void => setTrail({ of, cursors: cursors.slice(0, -1) }),
  };
}

type Shown = { rows: number; size: number; total: number | undefined };

/** Pager goes on and back, and says which rows are shown where it is told. */
export function Pager({ pages, next, loading, shown }: { pages: ReturnType<typeof usePages>; next: string | undefined; loading: boolean; shown?: Shown }) {
  const s = useSpeech();
  const first = pages.page * (shown?.size ?? 0) + 1;
  const more = pages.page > 0 || next !== undefined;
  if (!more && !shown?.rows) return null;
  return (
    <div className="pager no-print">
      <span className="dim num">{shown ? `${count(s, first)}–${count(s, first + shown.rows - 1)}${shown.total === undefined ? '' : ` / ${count(s, shown.total)}`}` : pages.page + 1}</span>
      {more && <Button size="small" disabled={pages.page === 0 || loading} onClick={pages.before}>{s.t('pageBefore')}</Button>}
      {more && <Button size="small" disabled={!next} loading={loading} onClick={() => next && pages.next(next)}>{s.t('pageNext')}</Button>}
    </div>
  );
}
