import { useEffect, useRef } from 'react';

const typing = (e: KeyboardEvent): boolean => {
  const on = e.target as HTMLElement | null;
  return !!on && (on.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(on.tagName) || !!on.closest('[role="dialog"],[role="menu"],[role="listbox"]'));
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
