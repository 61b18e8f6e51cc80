import type { Speech } from './i18n';

/** zone is the time zone of who looks; all times are shown in it. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const two = (n: number): string => String(n).padStart(2, '0');

/** at shows an instant in the zone of who looks; date alone with short. */
export function at(text: string | null | undefined, how: 'minute' | 'second' | 'day' = 'minute'): string {
  if (!text) return '';
  const d = new Date(text);
  if (Number.isNaN(d.getTime()) || d.getUTCFullYear() < 1971) return '';
  const day = `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  if (how === 'day') return day;
  return `${day} ${two(d.getHours())}:${two(d.getMinutes())}${how === 'second' ? `:${two(d.getSeconds())}` : ''}`;
}

/** zoneText names the zone with its present distance from UTC. */
export function zoneText(): string {
  const minutes = -new Date().getTimezoneOffset();
  const h = Math.floor(Math.abs(minutes) / 60);
  const m = Math.abs(minutes) % 60;
  return `${zone} (UTC${minutes < 0 ? '−' : '+'}${h}${m ? `:${two(m)}` : ''})`;
}

const units = ['', 'k', 'M', 'G', 'T', 'P'];

function scaled(v: number, unit: string): string {
  let at = 0;
  let n = Math.abs(v);
  while (n >= 1000 && at < units.length - 1) {
    n /= 1000;
    at++;
  }
  const digits = n >= 100 || at === 0 ? 0 : n >= 10 ? 1 : 2;
  return `${v < 0 ? '−' : ''}${n.toFixed(digits)} ${units[at]}${unit}`;
}

/** bytes and bits write amounts with decimal prefixes. */
export const bytes = (v: number): string => scaled(v, 'B');
export const bits = (v: number): string => scaled(v, 'bit/s');

export const count = (s: Speech, v: number | undefined | null): string => (v === undefined || v === null ? '' : v.toLocaleString(s.locale));

/** percent writes a share, with its 95 % half-width when there is one. */
export function percent(share: number, half?: number): string {
  const p = 100 * share;
  const text = `${p.toFixed(p !== 0 && p < 1 ? 2 : 1)} %`;
  if (half === undefined || half === 0) return text;
  const h = 100 * half;
  return `${text} ± ${h < 0.1 ? h.toFixed(2) : h.toFixed(1)}`;
}

/** span writes a share between its bounds. */
export function span(share: number, low: unknown, high: unknown): string {
  const whole = (v: unknown): string => (100 * Number(v)).toFixed(0);
  return `${whole(share)} % (${whole(low)}–${whole(high)})`;
}

export function duration(s: Speech, seconds: number): string {
  const h = seconds / 3600;
  if (h >= 48) return `${(h / 24).toFixed(1)} ${s.lang === 'zh' ? '天' : 'd'}`;
  if (h >= 1) return `${h.toFixed(1)} ${s.lang === 'zh' ? '小时' : 'h'}`;
  return `${Math.round(seconds / 60)} ${s.lang === 'zh' ? '分钟' : 'min'}`;
}
