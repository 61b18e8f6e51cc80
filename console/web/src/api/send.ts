import { useCallback, useState } from 'react';
import { failureOf, type Failure } from './client';

type Answer<T> = { data?: T; error?: unknown; response: Response };
type Outcome<T> = { data: T | undefined; failure: Failure | undefined };

/** sent says what a request came to; that nobody answered is an outcome too. */
export async function sent<T>(asking: Promise<Answer<T>>): Promise<Outcome<T>> {
  try {
    const { data, error, response } = await asking;
    return { data, failure: response.ok ? undefined : failureOf(response, error) };
  } catch (reason) {
    return { data: undefined, failure: { status: 0, detail: String(reason) } };
  }
}

/** useSend sends changes, and keeps whether one is under way and why the last one
 * was refused. */
export function useSend() {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const send = useCallback(async <T>(asking: () => Promise<Answer<T>>): Promise<Outcome<T>> => {
    setBusy(true);
    setFailure(undefined);
    const outcome = await sent(asking());
    setBusy(false);
    setFailure(outcome.failure);
    return outcome;
  }, []);
  const forget = useCallback(() => setFailure(undefined), []);
  return { busy, failure, send, forget };
}
