import { createContext, useContext, useMemo, type ReactNode } from 'react';
import { words, type Word } from './words';

export type Lang = 'zh' | 'en';

/** Text is a text that the daemon gives in both languages. */
export type Text = { zh: string; en: string };

export type Speech = {
  lang: Lang;
  /** t is a text of the console; {n} and the like are filled in. */
  t: (word: Word, fill?: Record<string, string | number>) => string;
  /** pick is the text of the daemon in the language that is spoken. */
  pick: (text: Text | undefined) => string;
  locale: string;
};

function speechOf(lang: Lang): Speech {
  return {
    lang,
    t: (word, fill) => {
      const text: string = words[word][lang === 'zh' ? 0 : 1];
      return fill ? text.replace(/\{(\w+)\}/g, (_, key: string) => String(fill[key] ?? '')) : text;
    },
    pick: (text) => (text ? text[lang] || text.zh || text.en : ''),
    locale: lang === 'zh' ? 'zh-CN' : 'en-GB',
  };
}

const Spoken = createContext<Speech>(speechOf('zh'));

export function Speaking({ lang, children }: { lang: Lang; children: ReactNode }) {
  const speech = useMemo(() => speechOf(lang), [lang]);
  return <Spoken.Provider value={speech}>{children}</Spoken.Provider>;
}

export const useSpeech = (): Speech => useContext(Spoken);
