import { Button } from 'antd';
import { useEffect, useState } from 'react';
import { useSpeech } from '../i18n';

/** usePages steps through a list that is read by cursors; it begins anew when
 * what is listed changes. */
export function usePages(of: string) {
  const [stack, setStack] = useState<string[]>([]);
  useEffect(() => setStack([]), [of]);
  return {
    cursor: stack.at(-1),
    page: stack.length,
    next: (cursor: string): void => setStack((s) => [...s, cursor]),
    before: (): void => setStack((s) => s.slice(0, -1)),
  };
}

export function Pager({ pages, next, loading }: { pages: ReturnType<typeof usePages>; next: string | undefined; loading: boolean }) {
  const s = useSpeech();
  if (pages.page === 0 && !next) return null;
  return (
    <div className="ask no-print">
      <Button size="small" disabled={pages.page === 0 || loading} onClick={pages.before}>{s.t('pageBefore')}</Button>
      <span className="num">{pages.page + 1}</span>
      <Button size="small" disabled={!next} loading={loading} onClick={() => next && pages.next(next)}>{s.t('pageNext')}</Button>
    </div>
  );
}
