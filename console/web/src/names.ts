import type { Speech } from './i18n';
import own from './names.json';
import shared from '../../../report/names.json';

// Names of codes that the daemon uses, Chinese before English: those of reports
// too, and those that the console alone shows. A code that has none is shown as
// it is.
const tables = { ...shared, ...own };
export type Naming = keyof typeof tables;
type Names = Readonly<Record<string, readonly string[] | undefined>>;

/** named is the name of a code in a table, or the code. */
export const named = (s: Speech, names: Names, code: string): string => names[code]?.[s.lang === 'zh' ? 0 : 1] ?? code;

/** called names a code in the language that is spoken. */
export const called = (s: Speech, naming: Naming, code: string | undefined): string => (code === undefined ? '' : named(s, tables[naming], code));

// Columns of ledgers whose cells are codes; what a kind is of depends on the ledger.
const cells: Record<string, Naming> = {
  scope: 'scope', technology: 'technology', use: 'use', order_origin: 'order', service: 'service', nature: 'nature', credit: 'credit', role: 'port', status: 'status', end: 'end',
  'approvals.kind': 'approval', 'line_endpoints.kind': 'network', 'networks.kind': 'network', 'gateways.status': 'gateway', clauses: 'clauseText',
};

/** cellText is a cell of a ledger for people: codes by their names, places and
 * countries too. What people and programs have written stays as it is. */
export function cellText(s: Speech, ledger: string, column: string, cell: string): string {
  if (/(^|_)country$/.test(column)) return cell && country(s, cell);
  const naming = cells[`${ledger}.${column}`] ?? cells[column];
  const one = (code: string): string => (naming ? called(s, naming, code) : code === 'CN' ? s.t('country_all') : province(s, code));
  if (!naming && !/(^|_)place$|^coverage$/.test(column)) return cell;
  return cell.split(';').map(one).join(s.lang === 'zh' ? '、' : ', ');
}

export const codesOf = (naming: Naming): string[] => Object.keys(tables[naming]).filter((c) => c !== '');

export const provinceCodes = codesOf('province');

/** province names the province of a place code of two or six digits. */
export function province(s: Speech, code: string | undefined): string {
  if (!code) return '';
  const of = code.slice(0, 2);
  const name = called(s, 'province', of);
  if (name === of) return code;
  return name + (code.length > 2 && !code.endsWith('0000') ? ` ${code}` : '');
}

/** country names a country or region by its ISO code. */
export function country(s: Speech, code: string | undefined): string {
  if (!code) return s.t('unknown');
  const ours: Names = { HK: ['中国香港', 'Hong Kong, China'], MO: ['中国澳门', 'Macao, China'], TW: ['中国台湾', 'Taiwan, China'] };
  if (ours[code]) return named(s, ours, code);
  try {
    return new Intl.DisplayNames([s.locale], { type: 'region' }).of(code) ?? code;
  } catch {
    return code;
  }
}
