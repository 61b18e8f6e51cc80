import type { Speech } from '../i18n';
import { called } from '../names';

/** paramText writes a parameter of a rule with its unit; shares are percentages. */
export function paramText(s: Speech, value: number, unit: string): string {
  if (unit === '0 or 1') return s.t(value ? 'yes' : 'no');
  const number = (unit.startsWith('share') ? 100 * value : value).toLocaleString(s.locale, { maximumFractionDigits: 6 });
  return `${number} ${called(s, 'unit', unit)}`.trimEnd();
}
