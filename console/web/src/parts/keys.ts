import { useEffect, useRef, useState } from 'react';

// A dialog that was closed may keep the focus, hidden; keys are for the page again.
const typing = (e: KeyboardEvent): boolean => {
  const on = e.target as HTMLElement | null;
  const box = on?.closest('[role="dialog"],[role="menu"],[role="listbox"]');
  return !!on && (on.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(on.tagName) || (!!box && box.getClientRects().length > 0));
};

/** useKeys listens to keys while nobody types and no dialog is open. */
export function useKeys(keys: Record<string, (e: KeyboardEvent) => void>): void {
  const now = useRef(keys);
  now.current = keys;
  useEffect(() => {
    const hear = (e: KeyboardEvent): void => {
      if (e.ctrlKey || e.metaKey || e.altKey || typing(e)) return;
      const act = now.current[e.key];
      if (!act) return;
      e.preventDefault();
      act(e);
    };
    addEventListener('keydown', hear);
    return () => removeEventListener('keydown', hear);
  }, []);
}

/** useRows walks through the rows of a table by keys, and returns at which it is;
 * rows are found by their data-row-key. */
export function useRows<T>(list: readonly T[], key: (row: T) => string, open: (row: T) => void, tick?: (row: T) => void): number {
  const [here, setHere] = useState(-1);
  useEffect(() => setHere(-1), [list]);
  const step = (by: number) => () => {
    const next = Math.max(0, Math.min(list.length - 1, here + by));
    setHere(next);
    const row = list[next];
    if (row) document.querySelector(`[data-row-key="${CSS.escape(key(row))}"]`)?.scrollIntoView({ block: 'nearest' });
  };
  const at = (act: (row: T) => void) => () => {
    const row = list[here];
    if (row) act(row);
  };
  useKeys({ j: step(1), k: step(-1), Enter: at(open), ...(tick ? { x: at(tick) } : {}) });
  return here;
}
