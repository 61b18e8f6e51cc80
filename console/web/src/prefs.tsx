import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import type { Lang } from './i18n';

/** stored reads and writes one value of the browser's own store, which may be
 * closed to us; then the value lives as long as the page. */
export function stored<T>(key: string, otherwise: T): T {
  try {
    const text = localStorage.getItem(`linewarden.${key}`);
    return text === null ? otherwise : (JSON.parse(text) as T);
  } catch {
    return otherwise;
  }
}

export function store(key: string, value: unknown): void {
  try {
    localStorage.setItem(`linewarden.${key}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing is used as it is.
  }
}

export type Shade = 'light' | 'dark';

type Prefs = { lang: Lang; setLang: (lang: Lang) => void; shade: Shade; setShade: (shade: Shade) => void };

const Chosen = createContext<Prefs>({ lang: 'zh', setLang: () => undefined, shade: 'light', setShade: () => undefined });

function firstLang(): Lang {
  const asked = new URLSearchParams(location.search).get('lang');
  if (asked === 'en' || asked === 'zh') return asked;
  return stored<Lang>('lang', 'zh') === 'en' ? 'en' : 'zh';
}

function firstShade(): Shade {
  const kept = stored<Shade | ''>('shade', '');
  if (kept === 'light' || kept === 'dark') return kept;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

export function Choosing({ children }: { children: ReactNode }) {
  const [lang, keepLang] = useState(firstLang);
  const [shade, keepShade] = useState(firstShade);
  const setLang = useCallback((v: Lang) => {
    store('lang', v);
    keepLang(v);
  }, []);
  const setShade = useCallback((v: Shade) => {
    store('shade', v);
    keepShade(v);
  }, []);
  useEffect(() => {
    document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
    document.documentElement.dataset.shade = shade;
  }, [lang, shade]);
  const value = useMemo(() => ({ lang, setLang, shade, setShade }), [lang, setLang, shade, setShade]);
  return <Chosen.Provider value={value}>{children}</Chosen.Provider>;
}

export const usePrefs = (): Prefs => useContext(Chosen);
