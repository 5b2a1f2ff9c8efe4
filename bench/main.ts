// npm run bench: picks rows and contestants, measures, prints, writes.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTESTANTS, type Contestant } from './contestants';
import { BenchError } from './failure';
import { handCommands } from './hand-commands';
import { measureRow, newFindings } from './measure-row';
import { HELP, readOptions, type Options } from './options';
import { showProgress } from './progress';
import { againstText } from './report/against';
import { drawCharts } from './report/charts';
import { describeMachine, machineText } from './report/machine';
import { SCHEMA, readReport, type Report } from './report/report';
import { groupText, legendText, skippedText } from './report/tables';
import { installPeers } from './subjects/native-peers';
import { select } from './selection';
import { ROWS, type Row } from './workloads/rows';

/** --quick promises two minutes; what is left of them is for the pictures. */
const QUICK_MS = 100_000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

function pickRows({ only, quick, smoke }: Options): Row[] {
  const asked = select(
    'only',
    only,
    ROWS.map((row) => ({ ...row, groups: [row.group] })),
  );
  // Who names workloads gets them all.
  const picked = quick && !smoke && only === undefined ? asked.filter((row) => row.quick) : asked;
  return picked;
}

function pickContestants({ subjects, control }: Options): Contestant[] {
  const all = CONTESTANTS.map((contestant) => ({ ...contestant, groups: [contestant.family] }));
  const picked = new Set(select('subjects', subjects, all).map(({ id }) => id));
  return CONTESTANTS.filter(({ id, family }) => (family === 'control' ? control : picked.has(id)));
}

function listText(): string {
  const workloads = ROWS.map(
    ({ id, group, quick }) => `  ${id.padEnd(22)} ${group}${quick ? ', quick' : ''}`,
  );
  const subjects = CONTESTANTS.map(({ id, title }) => `  ${id.padEnd(22)} ${title}`);
  return ['Workloads', ...workloads, '', 'Subjects', ...subjects].join('\n');
}

/** What the ratios are to: our pool in a file, or the first of those that take part. */
function referenceOf(contestants: readonly Contestant[]): Contestant | undefined {
  return contestants.find(({ family }) => family !== 'control');
}

async function measure(options: Options): Promise<Report> {
  const rows = pickRows(options);
  const contestants = pickContestants(options);
  const reference = referenceOf(contestants);
  const machine = describeMachine(options.dir);
  const findings = newFindings();
  const progress = showProgress(rows.length);
  const showGroup = (group: string): void => {
    if (findings.results.every((result) => result.group !== group)) return;
    progress.pause(() =>
      print(groupText(group, findings.results, peersInOrder(contestants, findings.peers))),
    );
  };
  const begin = performance.now();
  print(machineText(machine));
  print(legendText(reference?.title));
  for (const [i, row] of rows.entries()) {
    if (options.quick && performance.now() - begin > QUICK_MS) {
      findings.skipped.push({ subject: 'all', row: row.id, reason: "--quick's time was over" });
    } else {
      progress.next(row.id);
      await measureRow(row, contestants, reference?.id, options, findings, progress);
    }
    if (rows[i + 1]?.group !== row.group) showGroup(row.group);
  }
  progress.stop();
  const { quick, rounds, roundMs, seed, dir, nodeFlags } = options;
  return {
    schema: SCHEMA,
    date: new Date().toISOString(),
    machine,
    options: { quick, rounds, roundMs, seed, dir, nodeFlags },
    subjects: peersInOrder(contestants, findings.peers),
    results: findings.results,
    skipped: findings.skipped,
  };
}

function peersInOrder<T>(contestants: readonly Contestant[], peers: ReadonlyMap<string, T>): T[] {
  return contestants.flatMap(({ id }) => peers.get(id) ?? []);
}

function versionsText({ subjects }: Report): string {
  const lines = subjects.map(
    ({ title, version, library }) => `  ${title} ${version}${library ? ` (${library})` : ''}`,
  );
  return `\nVersions\n${lines.join('\n')}`;
}

async function write(report: Report, out: string): Promise<void> {
  mkdirSync(out, { recursive: true });
  const json = join(out, `${report.date.replaceAll(':', '-').slice(0, 19)}.json`);
  writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  const charts = await drawCharts(report);
  for (const [name, svg] of charts) writeFileSync(join(out, name), svg);
  print(`\n${json}\n${[...charts.keys()].map((name) => join(out, name)).join('\n')}`);
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help || options.list) {
    print(options.help ? HELP : listText());
    return;
  }
  const earlier = options.against === undefined ? undefined : readReport(options.against);
  if (options.install) installPeers();
  if (options.commands) {
    print(handCommands(pickRows(options), pickContestants(options), options.seed, options));
    return;
  }
  const report = await measure(options);
  print(versionsText(report));
  print(skippedText(report.skipped));
  if (earlier !== undefined) print(againstText(earlier, report));
  if (report.results.length === 0)
    throw new BenchError('nothing was measured; see what was skipped, and why');
  await write(report, options.out);
}

main().catch((error: unknown) => {
  const text =
    error instanceof BenchError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`bench: ${text ?? ''}\n`);
  process.exitCode = 1;
});
