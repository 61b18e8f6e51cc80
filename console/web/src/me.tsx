import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { api, onEnded, setCSRF, type Failure, failureOf, type Me } from './api/client';
import { dropDrafts } from './parts/draft';

/** Ability is what a page or a button needs, as the daemon names it. */
export type Ability = 'findings' | 'cases' | 'network' | 'ledgers' | 'unmasked' | 'act' | 'reports' | 'manage' | 'administer';

type Who = {
  me: Me | undefined;
  failure: Failure | undefined;
  ended: boolean;
  can: (a: Ability) => boolean;
  reload: () => void;
  logout: () => Promise<void>;
};

const Asked = createContext<Who>({ me: undefined, failure: undefined, ended: false, can: () => false, reload: () => undefined, logout: async () => undefined });

export function Introducing({ children }: { children: ReactNode }) {
  const [me, setMe] = useState<Me>();
  const [failure, setFailure] = useState<Failure>();
  const [ended, setEnded] = useState(false);
  const reload = useCallback(() => {
    api
      .GET('/api/v1/me')
      .then(({ data, error, response }) => {
        if (!data) {
          setFailure(failureOf(response, error));
          return;
        }
        setCSRF(data.csrf_token);
        setFailure(undefined);
        if (data.authenticated) setEnded(false);
        setMe(data);
      })
      .catch((reason: unknown) => setFailure({ status: 0, detail: String(reason) }));
  }, []);
  useEffect(() => {
    onEnded(() => {
      setEnded(true);
      reload();
    });
    reload();
  }, [reload]);
  const can = useCallback((a: Ability) => me?.capabilities.includes(a) ?? false, [me]);
  const logout = useCallback(async () => {
    await api.DELETE('/api/v1/session', { params: { header: {} } });
    setCSRF('');
    dropDrafts();
    reload();
  }, [reload]);
  const value = useMemo(() => ({ me, failure, ended, can, reload, logout }), [me, failure, ended, can, reload, logout]);
  return <Asked.Provider value={value}>{children}</Asked.Provider>;
}

export const useMe = (): Who => useContext(Asked);
