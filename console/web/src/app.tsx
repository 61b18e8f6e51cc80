import { App as Messages, ConfigProvider, theme } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import dayjs from 'dayjs';
import 'dayjs/locale/zh-cn';
import { lazy, useMemo } from 'react';
import { createBrowserRouter, Navigate, RouterProvider } from 'react-router';
import { Frame } from './frame';
import { Speaking } from './i18n';
import { Introducing } from './me';
import { Missing, Crash } from './pages/missing';
import { Choosing, usePrefs } from './prefs';

const Overview = lazy(() => import('./pages/overview'));
const Findings = lazy(() => import('./pages/findings'));
const Finding = lazy(() => import('./pages/finding/finding'));
const Lines = lazy(() => import('./pages/lines'));
const Line = lazy(() => import('./pages/line'));
const Resources = lazy(() => import('./pages/resources'));
const RoutesPage = lazy(() => import('./pages/routes'));
const Ledgers = lazy(() => import('./pages/ledgers'));
const Rules = lazy(() => import('./pages/rules'));
const Reports = lazy(() => import('./pages/reports'));
const System = lazy(() => import('./pages/system'));
const People = lazy(() => import('./pages/people'));
const Audit = lazy(() => import('./pages/audit'));
const Manual = lazy(() => import('./pages/manual'));
const Login = lazy(() => import('./pages/login'));

const router = createBrowserRouter([
  {
    element: <Frame />,
    errorElement: <Crash />,
    children: [
      { index: true, element: <Overview /> },
      { path: 'wall', element: <Overview wall /> },
      { path: 'login', element: <Login /> },
      { path: 'findings', element: <Findings /> },
      { path: 'findings/:id', element: <Finding /> },
      { path: 'lines', element: <Lines /> },
      { path: 'lines/:id', element: <Line /> },
      { path: 'resources', element: <Resources /> },
      { path: 'routes', element: <RoutesPage /> },
      { path: 'ledgers', element: <Ledgers /> },
      { path: 'rules', element: <Rules /> },
      { path: 'rules/:id', element: <Rules /> },
      { path: 'reports', element: <Reports /> },
      { path: 'system', element: <System /> },
      { path: 'users', element: <People /> },
      { path: 'audit', element: <Audit /> },
      { path: 'manual', element: <Manual /> },
      { path: 'manual/:page', element: <Manual /> },
      { path: 'overview', element: <Navigate to="/" replace /> },
      { path: '*', element: <Missing /> },
    ],
  },
]);

const font = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif';

function Themed() {
  const { lang, shade } = usePrefs();
  dayjs.locale(lang === 'zh' ? 'zh-cn' : 'en');
  const look = useMemo(
    () =>
      shade === 'dark'
        ? {
            components: { Menu: { itemSelectedColor: '#a9d1ff' }, Tabs: { itemSelectedColor: '#7db7f7', itemHoverColor: '#a9d1ff' } },
            algorithm: [theme.darkAlgorithm, theme.compactAlgorithm],
            token: { fontFamily: font, fontSize: 14, borderRadius: 4, colorPrimary: '#3c89e8', colorError: '#ff7875', colorLink: '#7db7f7', colorTextTertiary: 'rgba(255,255,255,0.68)', colorTextDescription: 'rgba(255,255,255,0.68)', colorTextPlaceholder: 'rgba(255,255,255,0.62)', colorTextDisabled: 'rgba(255,255,255,0.55)' },
          }
        : {
            algorithm: [theme.defaultAlgorithm, theme.compactAlgorithm],
            token: { fontFamily: font, fontSize: 14, borderRadius: 4, colorPrimary: '#0958d9', colorError: '#cf1322', colorLink: '#0958d9', colorTextTertiary: 'rgba(0,0,0,0.65)', colorTextDescription: 'rgba(0,0,0,0.65)', colorTextPlaceholder: 'rgba(0,0,0,0.6)', colorTextDisabled: 'rgba(0,0,0,0.55)' },
          },
    [shade],
  );
  return (
    <ConfigProvider locale={lang === 'zh' ? zhCN : enUS} theme={{ ...look, hashed: false }} button={{ autoInsertSpace: false }} wave={{ disabled: true }}>
      <Messages message={{ maxCount: 3 }}>
        <Speaking lang={lang}>
          <Introducing>
            <RouterProvider router={router} />
          </Introducing>
        </Speaking>
      </Messages>
    </ConfigProvider>
  );
}

export function App() {
  return (
    <Choosing>
      <Themed />
    </Choosing>
  );
}
