import type { FetchOptions } from 'openapi-fetch';
import type { PathsWithMethod } from 'openapi-typescript-helpers';
import { useCallback, useEffect, useRef, useState } from 'react';
import { api, cursorOf, failureOf, type Failure, type Paths } from './client';

type Body<O> = O extends { responses: { 200: { content: infer C } } } ? C[keyof C] : never;

export type Getting = PathsWithMethod<Paths, 'get'>;
export type Answer<P extends Getting> = Body<Paths[P]['get']>;
export type Asking<P extends Getting> = FetchOptions<Paths[P]['get']>;

export type Got<T> = {
  data: T | undefined;
  failure: Failure | undefined;
  loading: boolean;
  /** total is how many items there are beyond this page, when the answer says. */
  total: number | undefined;
  cursor: string | undefined;
  etag: string | undefined;
  reload: () => void;
};

type State<T> = Omit<Got<T>, 'reload'>;

/** useGet reads from the API, again when what is asked changes, and every so many
 * milliseconds if told to. Null asks nothing. */
export function useGet<P extends Getting>(path: P, asking: Asking<P> | null, every = 0): Got<Answer<P>> {
  const [state, setState] = useState<State<Answer<P>>>({ data: undefined, failure: undefined, loading: asking !== null, total: undefined, cursor: undefined, etag: undefined });
  const [turn, setTurn] = useState(0);
  const key = asking === null ? null : JSON.stringify([path, asking]);
  const last = useRef<string | null>(null);
  useEffect(() => {
    if (key === null) return;
    const stop = new AbortController();
    const same = last.current === key;
    last.current = key;
    setState((s) => ({ ...s, loading: true, ...(same ? {} : { data: undefined, failure: undefined }) }));
    const [, init] = JSON.parse(key) as [P, Asking<P>];
    const ask = api.GET as unknown as (p: P, o: object) => Promise<{ data?: Answer<P>; error?: unknown; response: Response }>;
    ask(path, { ...init, signal: stop.signal })
      .then(({ data, error, response }) => {
        if (!response.ok) {
          setState((s) => ({ ...s, loading: false, failure: failureOf(response, error) }));
          return;
        }
        const total = response.headers.get('X-Total-Count');
        setState({ data, failure: undefined, loading: false, total: total ? Number(total) : undefined, cursor: cursorOf(response), etag: response.headers.get('ETag') ?? undefined });
      })
      .catch((reason: unknown) => {
        if (!stop.signal.aborted) setState((s) => ({ ...s, loading: false, failure: { status: 0, detail: String(reason) } }));
      });
    return () => stop.abort();
  }, [key, path, turn]);
  useEffect(() => {
    if (!every || key === null) return;
    const timer = setInterval(() => setTurn((n) => n + 1), every);
    return () => clearInterval(timer);
  }, [every, key]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  return { ...state, reload };
}
