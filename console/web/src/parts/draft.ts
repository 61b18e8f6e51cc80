import { useCallback, useState } from 'react';

const key = (of: string): string => `linewarden.draft.${of}`;

function read(of: string): string {
  try {
    return sessionStorage.getItem(key(of)) ?? '';
  } catch {
    return '';
  }
}

/** useDraft keeps what somebody writes about something until it is sent: neither
 * a session that ends nor a page that is left loses it. It stays in this tab. */
export function useDraft(of: string): [string, (text: string) => void] {
  const [text, setText] = useState(() => read(of));
  const write = useCallback(
    (now: string): void => {
      setText(now);
      try {
        if (now) sessionStorage.setItem(key(of), now);
        else sessionStorage.removeItem(key(of));
      } catch {
        // A browser that keeps nothing is used as it is.
      }
    },
    [of],
  );
  return [text, write];
}

/** dropDrafts forgets them all, as who logs out leaves the tab to others. */
export function dropDrafts(): void {
  try {
    for (const k of Object.keys(sessionStorage)) if (k.startsWith(key(''))) sessionStorage.removeItem(k);
  } catch {
    // There are none.
  }
}
