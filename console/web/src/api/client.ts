import createClient from 'openapi-fetch';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];
export type Finding = Schemas['Finding'];
export type Me = Schemas['Me'];
export type Paths = paths;

// The token that changes need comes with the answer that says who is logged in.
let csrf = '';
export const setCSRF = (token: string | undefined): void => {
  csrf = token ?? '';
};

/** ownHeaders go with every request: the token, and the language in which the
 * daemon is to say what is wrong. */
export const ownHeaders = (): Record<string, string> => ({ 'Accept-Language': document.documentElement.lang || 'zh-CN', ...(csrf ? { 'X-CSRF-Token': csrf } : {}) });

// What is to happen when a session has ended is set by the frame.
let ended: () => void = () => undefined;
export const onEnded = (f: () => void): void => {
  ended = f;
};

export const api = createClient<paths>({ baseUrl: '/' });

api.use({
  onRequest({ request }) {
    for (const [name, value] of Object.entries(ownHeaders())) request.headers.set(name, value);
    return request;
  },
  onResponse({ request, response }) {
    const login = request.method === 'POST' && new URL(request.url).pathname === '/api/v1/session';
    if (response.status === 401 && !login) ended();
    return response;
  },
});

/** Failure is what a request came to that did not succeed. */
export type Failure = { status: number; detail: string; code?: string };

export function failureOf(response: Response | undefined, body: unknown): Failure {
  const status = response?.status ?? 0;
  if (typeof body !== 'object' || body === null) return { status, detail: typeof body === 'string' ? body.slice(0, 300) : '' };
  const { detail, code } = body as { detail?: unknown; code?: unknown };
  return { status, detail: String(detail ?? ''), ...(code ? { code: String(code) } : {}) };
}

/** cursorOf returns where the next page of a list begins, as its Link header says. */
export function cursorOf(response: Response): string | undefined {
  const next = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('Link') ?? '');
  return next ? (new URL(next[1] ?? '', location.origin).searchParams.get('cursor') ?? undefined) : undefined;
}
