/// A landing without a source, for tests that kill it, starve it of disk or measure it.
///   landing_shell run DIR LAST [SEED]   lands a history that is the same every time, from where it stands to commit
///   LAST,
///                                       folding on the way; WEIR_FAULT=<step>:<n> kills the process at the n-th step
///                                       of that name ("any": of any name) WEIR_STEPS=1 writes every step to standard
///                                       error
///   landing_shell check DIR [SEED]      compares what is there with the history; prints the position
///   landing_shell starve DIR LAST [SEED]  the history beside a ballast file that fills the disk now and then
///   landing_shell bench DIR ROWS COMMITS BATCH [FOLD_ROWS] [SHARE]
///   landing_shell history LAST [SEED]   the rows after each commit, as JSON: {"position": {"id": "big", …}}
/// WEIR_LANDING=direct lands in the lake itself.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <thread>

#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <unistd.h>

#include "sync/changes_fixture.h"
#include "sync/copy_sql.h"
#include "sync/engine_fixture.h"

namespace {

using namespace weir;
using sync::testing::changes_of;
using sync::testing::Event;
using sync::testing::must;
using sync::testing::place_of;
using sync::testing::position_of;
using Clock = std::chrono::steady_clock;

using Row = std::map<std::string, std::string>;
using Rows = std::map<int, Row>;  ///< by id

/// What the source has after a commit, and how it came to it. The same for every run of a seed.
class History {
 public:
  explicit History(uint64_t seed) : dice_(seed) {
    table = sync::testing::notes_table();
    for (int id = 0; id < 60; ++id)
      rows[id] = {{"id", std::to_string(id)}, {"note", "n" + std::to_string(id)}, {"big", "B" + std::to_string(id)}};
  }

  uint64_t commit = 0;
  Rows rows;
  connector::ChangeTablePtr table;

  /// The next commit's changes.
  std::vector<connector::Change> next() {
    ++commit;
    std::vector<connector::Change> changes;
    uint64_t place = 1;
    if (commit % 13 == 0) {
      changes.emplace_back(connector::Truncation{table, fmt::format("{}/{:08X}", place_of(commit), place++), {}});
      rows.clear();
      for (int id = 0; id < 30; ++id) insert(id);
      flush(changes, place);
      return changes;
    }
    if (commit % 9 == 0) changes.emplace_back(reshape());
    for (int i = 0; i < 12; ++i) step();
    flush(changes, place);
    return changes;
  }

 private:
  int pick(int below) { return static_cast<int>(dice_() % static_cast<uint64_t>(below)); }
  const std::string& text_column() const { return table->columns[1].name; }

  void insert(int id) {
    Row row = {{"id", std::to_string(id)},
               {text_column(), "i" + std::to_string(commit)},
               {"big", fmt::format("BIG{}-{}", commit, id)}};
    for (size_t c = 3; c < table->columns.size(); ++c) row[table->columns[c].name] = std::to_string(pick(100));
    rows[id] = row;
    events_.push_back({"insert", row});
    sent_.insert(id);
  }
  void step() {
    const int id = pick(90);
    const auto found = rows.find(id);
    if (found == rows.end()) return insert(id);
    switch (pick(4)) {
      case 0:
        rows.erase(found);
        sent_.erase(id);
        events_.push_back({"delete", {{"id", std::to_string(id)}}});
        return;
      case 1: {  // a new key, the big value not sent
        const int to = 100 + pick(200);
        if (rows.contains(to)) return;
        auto row = found->second;
        row["id"] = std::to_string(to);
        rows.erase(found);
        events_.push_back({"delete", {{"id", std::to_string(id)}}});
        rows[to] = row;
        const bool sent = sent_.contains(id);
        sent_.erase(id);
        if (sent) sent_.insert(to);
        auto values = row;
        if (!sent) values.erase("big");
        events_.push_back({"update", values, sent ? std::set<std::string>{} : std::set<std::string>{"big"},
                           Row{{"id", std::to_string(id)}}});
        return;
      }
      case 2: {  // the big value not sent, unless an earlier event of the commit has it
        found->second[text_column()] = fmt::format("u{}-{}", commit, pick(1000));
        auto values = found->second;
        const bool sent = sent_.contains(id);
        if (!sent) values.erase("big");
        events_.push_back({"update", values, sent ? std::set<std::string>{} : std::set<std::string>{"big"}});
        return;
      }
      default:
        found->second["big"] = fmt::format("BIG{}", commit);
        sent_.insert(id);
        events_.push_back({"update", found->second});
    }
  }
  void flush(std::vector<connector::Change>& changes, uint64_t place) {
    if (!events_.empty()) changes.emplace_back(changes_of(table, commit, events_, place));
    events_.clear();
    sent_.clear();
  }
  /// A new number column with a value, and another name for the text.
  connector::SchemaChange reshape() {
    auto after = std::make_shared<connector::ChangeTable>(*table);
    connector::SchemaChange change;
    const auto from = text_column();
    const auto to = fmt::format("note{}", commit);
    after->columns[1].name = to;
    change.renamed.push_back({from, to});
    if (table->columns.size() > 3) {
      change.dropped.push_back(table->columns.back().name);
      after->columns.pop_back();
    }
    const auto added = sync::testing::column(table->columns.size() % 2 == 0 ? "rank" : fmt::format("rank{}", commit),
                                             plan::Kind::int64);
    after->columns.push_back(added);
    change.added.push_back({added, std::to_string(commit)});
    change.before = table;
    change.after = after;
    for (auto& [id, row] : rows) {
      row[to] = row[from];
      row.erase(from);
      for (const auto& name : change.dropped) row.erase(name);
      row[added.name] = std::to_string(commit);
    }
    table = after;
    return change;
  }

  std::mt19937_64 dice_;
  std::vector<Event> events_;
  std::set<int> sent_;
};

bool is_direct() {
  const char* landing = std::getenv("WEIR_LANDING");
  return landing != nullptr && std::string_view(landing) == "direct";
}

sync::LandingOptions of_this_run(sync::LandingOptions options) {
  options.kind = is_direct() ? sync::LandingKind::direct : sync::LandingKind::hot;
  return options;
}

/// The engine and one landing over a directory.
struct Shell : sync::testing::TestEngine {
  Shell(const std::string& path, sync::LandingOptions options)
      : TestEngine(path), landing(must(open_landing("pg", of_this_run(std::move(options))))) {}

  std::unique_ptr<sync::Landing> landing;
};

/// The commit that a position stands behind.
uint64_t commit_of(const sync::Landing& landing) {
  const auto position = landing.position();
  return position ? std::stoull(position->position, nullptr, 16) / 16 : 0;
}

std::vector<std::string> lines_of(const History& history) {
  std::vector<std::string> lines;
  for (const auto& [id, row] : history.rows) {
    std::string line;
    for (const auto& column : history.table->columns) {
      const auto found = row.find(column.name);
      line += "|" + (found == row.end() ? std::string() : found->second);
    }
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> lines_of(Shell& shell, const connector::ChangeTable& table) {
  std::vector<std::string> lines;
  const auto sql = "SELECT * EXCLUDE (_kyma_pk, _kyma_op, _kyma_lsn, _kyma_event_at) FROM (" +
                   sync::copy_view_sql("pg", table, sync::CopyView::current, {.hot = !is_direct()}) + ") ORDER BY id";
  for (const auto& row : must(shell.session->rows(sql))) {
    std::string line;
    for (const auto& value : row) line += "|" + value;
    lines.push_back(line);
  }
  return lines;
}

std::string scan_of(const History& history) {
  std::string values, names;
  for (const auto& column : history.table->columns)
    names += (names.empty() ? "" : ", ") + sync::identifier(column.name);
  for (const auto& [id, row] : history.rows) {
    values += values.empty() ? "(" : ", (";
    for (size_t c = 0; c < history.table->columns.size(); ++c) {
      const auto& column = history.table->columns[c];
      const auto found = row.find(column.name);
      const auto value = found == row.end() ? "NULL" : sync::literal(found->second);
      values += (c == 0 ? "" : ", ") + value + (column.type.kind == plan::Kind::int64 ? "::BIGINT" : "::VARCHAR");
    }
    values += ")";
  }
  return "(SELECT * FROM (VALUES " + values + ") v(" + names + "))";
}

void land(Shell& shell, History& history) {
  auto& landing = *shell.landing;
  const auto changes = history.next();
  must(landing.begin());
  for (const auto& change : changes) must(landing.apply(change));
  must(landing.commit({position_of(history.commit), "system/1", {}}));
}

/// The copy made, with commits before, in and behind its snapshot.
void make_copy(Shell& shell, History& history) {
  auto& landing = *shell.landing;
  must(landing.prepare(history.table));
  const auto name = history.table->name;
  for (int i = 0; i < 2; ++i) land(shell, history);
  must(landing.snapshot_begins(name, position_of(history.commit), {}));
  const auto scan = scan_of(history);
  const auto shape = history.table;
  // The snapshot is read while changes come; one of shape would begin it anew.
  must(landing.load(name, scan, {}));
  for (int i = 0; i < 3; ++i) land(shell, history);
  must(landing.complete(name));
}

std::function<void(std::string_view)> fault_steps() {
  if (std::getenv("WEIR_STEPS") != nullptr) {
    return [](std::string_view at) { std::cerr << fmt::format("step {}\n", at) << std::flush; };
  }
  const char* fault = std::getenv("WEIR_FAULT");
  if (fault == nullptr) return {};
  const std::string text = fault;
  const auto colon = text.find(':');
  return [step = text.substr(0, colon), left = std::stoi(text.substr(colon + 1))](std::string_view at) mutable {
    if (step != "any" && step != at) return;
    if (--left > 0) return;
    std::cout << "killed at " << at << std::endl;
    ::kill(::getpid(), SIGKILL);
  };
}

int run(const std::string& path, uint64_t last, uint64_t seed) {
  sync::LandingOptions options;
  options.at_step = fault_steps();
  Shell shell(path, options);
  History history(seed);
  while (history.commit < commit_of(*shell.landing)) history.next();
  const auto tables = shell.landing->tables();
  if (tables.empty() || tables[0].phase == sync::CopyPhase::loading) make_copy(shell, history);
  while (history.commit < last) {
    land(shell, history);
    if (history.commit % 4 == 0) static_cast<void>(must(shell.landing->fold(true, {})));
  }
  std::cout << "landed " << history.commit << std::endl;
  return 0;
}

int check(const std::string& path, uint64_t seed) {
  Shell shell(path, {});
  const auto at = commit_of(*shell.landing);
  History history(seed);
  while (history.commit < at) history.next();
  const auto tables = shell.landing->tables();
  if (tables.empty() || tables[0].phase == sync::CopyPhase::loading) {
    std::cout << "loading at " << at << std::endl;
    return 0;
  }
  if (!(tables[0].table->columns == history.table->columns)) {
    std::cout << "columns differ at " << at << std::endl;
    return 1;
  }
  const auto expected = lines_of(history), found = lines_of(shell, *tables[0].table);
  if (expected == found) {
    std::cout << "same at " << at << std::endl;
    return 0;
  }
  std::cout << "differs at " << at << std::endl;
  for (size_t i = 0; i < std::max(expected.size(), found.size()) && i < 200; ++i) {
    const auto left = i < expected.size() ? expected[i] : "", right = i < found.size() ? found[i] : "";
    if (left != right) std::cout << "  expected " << left << " found " << right << "\n";
  }
  return 1;
}

int tell_history(uint64_t last, uint64_t seed) {
  History history(seed);
  nlohmann::json told;
  while (history.commit < last) {
    static_cast<void>(history.next());
    auto& rows = told[position_of(history.commit)] = nlohmann::json::object();
    for (const auto& [id, row] : history.rows) rows[std::to_string(id)] = row.at("big");
  }
  std::cout << told.dump() << std::endl;
  return 0;
}

/// Fills the disk but for so many bytes, until it goes away.
class Ballast {
 public:
  Ballast(std::string path, uint64_t left) : path_(std::move(path)) {
    const auto free = std::filesystem::space(std::filesystem::path(path_).parent_path()).available;
    std::ofstream file(path_);
    const std::string block(4096, 'x');
    for (uint64_t written = 0; written + left + block.size() < free && file; written += block.size())
      file << block << std::flush;
  }
  ~Ballast() { std::filesystem::remove(path_); }

 private:
  std::string path_;
};

/// The history on a disk that is full every now and then: what fails has changed nothing, and works when there is space
/// again.
int starve(const std::string& path, uint64_t last, uint64_t seed) {
  auto shell = std::make_unique<Shell>(path, sync::LandingOptions{});
  History history(seed);
  make_copy(*shell, history);
  std::mt19937_64 dice(seed);
  int refused = 0, refused_folds = 0, reopened = 0;
  const auto name = history.table->name;
  while (history.commit < last) {
    const auto before = lines_of(history);
    const auto shape = history.table;
    const auto changes = history.next();
    const auto attempt = [&]() -> Status {
      auto& landing = *shell->landing;
      WEIR_TRY(landing.begin());
      for (const auto& change : changes) {
        if (auto done = landing.apply(change); !done) {
          landing.roll_back();
          return done;
        }
      }
      return landing.commit({position_of(history.commit), "system/1", {}});
    };
    const auto fold = [&]() -> Status {
      WEIR_TRY(shell->landing->fold(true, {}));
      return {};
    };
    const auto starved = [&](const std::function<Status()>& work, const std::vector<std::string>& rows,
                             const connector::ChangeTable& table, int& count) {
      Status done;
      {
        const Ballast ballast(path + "/../ballast", (dice() % 3) * 4096);
        done = work();
      }
      if (done) return true;
      ++count;
      if (done.error().code != ErrorCode::disk_full)
        std::cout << "not disk_full: " << done.error().to_string() << std::endl;
      if (done.error().message.find("invalidated") != std::string::npos) {
        ++reopened;
        shell.reset();
        shell = std::make_unique<Shell>(path, sync::LandingOptions{});
      }
      if (lines_of(*shell, table) != rows) throw std::runtime_error("a refused step changed something");
      return false;
    };
    if (dice() % 2 == 0 || !starved(attempt, before, *shape, refused)) {
      if (commit_of(*shell->landing) < history.commit) must(attempt());
    }
    if (dice() % 3 == 0) starved(fold, lines_of(history), *history.table, refused_folds);
    if (dice() % 5 == 0) must(fold());
  }
  std::cout << fmt::format("landed {}, refused {} commits and {} folds, reopened {}\n", history.commit, refused,
                           refused_folds, reopened)
            << std::flush;
  return lines_of(history) == lines_of(*shell, *history.table) ? 0 : 1;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}
double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Batches of 20 % inserts, 60 % updates and 20 % deletes of random keys, folded by another thread.
int bench(const std::string& path, int64_t rows, int commits, int batch, uint64_t fold_rows, double share) {
  sync::LandingOptions options;
  options.fold_rows = fold_rows;
  options.rewrite_deleted_share = share;
  // Where the time goes: from each step to the next one of the same thread.
  struct Steps {
    std::mutex mutex;
    std::map<std::thread::id, std::pair<std::string, Clock::time_point>> last;
    std::map<std::string, std::vector<double>> spent;
  } steps;
  options.at_step = [&steps](std::string_view step) {
    const std::lock_guard lock(steps.mutex);
    auto& [name, since] = steps.last[std::this_thread::get_id()];
    if (!name.empty()) steps.spent[name].push_back(ms_since(since));
    name = step;
    since = Clock::now();
  };
  Shell shell(path, options);
  auto& landing = *shell.landing;
  const auto table = sync::testing::notes_table();
  auto start = Clock::now();
  auto cpu = cpu_seconds();
  must(landing.prepare(table));
  must(landing.snapshot_begins(table->name, position_of(1), {}));
  const auto loaded = must(landing.load(
      table->name,
      fmt::format("(SELECT i AS id, 'user-' || i AS note, md5(i::VARCHAR) AS big FROM range({}) t(i))", rows), {}));
  must(landing.complete(table->name));
  std::cout << fmt::format("load {} rows: {:.0f} ms, {:.2f} CPU-s/M\n", loaded, ms_since(start),
                           (cpu_seconds() - cpu) / static_cast<double>(rows) * 1e6);
  std::mt19937_64 dice(7);
  std::vector<connector::RowChanges> batches;
  std::vector<double> times, folds;
  std::jthread folder([&](std::stop_token stop) {
    while (!stop.stop_requested()) {
      const auto began = Clock::now();
      const auto moved = landing.fold(false, stop);
      if (!moved) std::cout << "fold: " << moved.error().to_string() << std::endl;
      if (moved && *moved > 0) folds.push_back(ms_since(began));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  });
  double landed_ms = 0, landed_cpu = 0;
  const auto whole_cpu = cpu_seconds();
  double made_cpu = 0;
  const auto whole = Clock::now();
  double made_ms = 0;
  for (int c = 0; c < commits; ++c) {
    const auto making = Clock::now();
    const auto making_cpu = cpu_seconds();
    std::vector<Event> events;
    std::set<int64_t> used;
    while (static_cast<int>(events.size()) < batch) {
      const auto kind = dice() % 5;
      const auto id = static_cast<int64_t>(dice() % static_cast<uint64_t>(rows)) + (kind == 0 ? rows : 0);
      if (!used.insert(id).second) continue;
      Row row = {{"id", std::to_string(id)}, {"note", "changed"}, {"big", "0123456789abcdef0123456789abcdef"}};
      if (kind == 1)
        events.push_back({"delete", {{"id", std::to_string(id)}}});
      else
        events.push_back({kind == 0 ? "insert" : "update", row});
    }
    const auto changes = changes_of(table, static_cast<uint64_t>(c) + 2, events);
    made_ms += ms_since(making);
    made_cpu += cpu_seconds() - making_cpu;
    const auto began = Clock::now();
    must(landing.begin());
    connector::Change change = connector::RowChanges{
        changes.table, {}, batch::OwnedArray(*const_cast<ArrowArray*>(changes.rows.get())), changes.count};
    must(landing.apply(change));
    must(landing.commit({position_of(static_cast<uint64_t>(c) + 2), "system/1", {}}));
    times.push_back(ms_since(began));
    landed_ms += times.back();
  }
  const auto total_cpu = cpu_seconds() - whole_cpu - made_cpu;
  folder.request_stop();
  folder.join();
  static_cast<void>(landed_cpu);
  const auto events = static_cast<double>(commits) * batch;
  std::cout << fmt::format(
      "{} commits of {}: {:.0f} events/s of commit time ({:.0f} of wall without making), p50 {:.1f} p99 {:.1f} max "
      "{:.1f} ms, {:.2f} CPU-s/M with folds (making excluded, overlapping)\n",
      commits, batch, events / landed_ms * 1000, events / (ms_since(whole) - made_ms) * 1000, percentile(times, .5),
      percentile(times, .99), percentile(times, 1), total_cpu / events * 1e6);
  std::cout << fmt::format("{} folds p50 {:.0f} max {:.0f} ms (with upkeep)\n", folds.size(), percentile(folds, .5),
                           percentile(folds, 1));
  for (const auto& [name, spent] : steps.spent) {
    std::cout << fmt::format("  after {:17} p50 {:7.1f} p99 {:7.1f} max {:7.1f} ms ({})\n", name, percentile(spent, .5),
                             percentile(spent, .99), percentile(spent, 1), spent.size());
  }
  const auto read = [&](const char* label) {
    std::vector<double> reads;
    for (int i = 0; i < 5; ++i) {
      const auto began = Clock::now();
      must(shell.session->rows("SELECT id % 16, count(*), max(note) FROM (" +
                               sync::copy_view_sql("pg", *table, sync::CopyView::current, {.hot = !is_direct()}) +
                               ") GROUP BY 1"));
      reads.push_back(ms_since(began));
    }
    const auto files = must(shell.session->rows(
        "SELECT count(*), count(delete_file) FROM ducklake_list_files('weir', 'notes', schema => 'pg.public')"));
    std::cout << fmt::format("read {}: {:.0f} ms, hot rows {}, files {} deletes {}\n", label, percentile(reads, .5),
                             landing.tables()[0].hot_rows, files[0][0], files[0][1]);
  };
  read("before the last fold");
  start = Clock::now();
  cpu = cpu_seconds();
  const auto moved = must(landing.fold(true, {}));
  std::cout << fmt::format("last fold of {}: {:.0f} ms, {:.2f} CPU-s\n", moved, ms_since(start), cpu_seconds() - cpu);
  read("after it");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arg = [&](int i, const char* otherwise) { return std::string(argc > i ? argv[i] : otherwise); };
  try {
    const auto what = arg(1, "");
    if (what == "run") return run(arg(2, ""), std::stoull(arg(3, "40")), std::stoull(arg(4, "1")));
    if (what == "check") return check(arg(2, ""), std::stoull(arg(3, "1")));
    if (what == "starve") return starve(arg(2, ""), std::stoull(arg(3, "40")), std::stoull(arg(4, "1")));
    if (what == "history") return tell_history(std::stoull(arg(2, "40")), std::stoull(arg(3, "1")));
    if (what == "bench") {
      return bench(arg(2, ""), std::stoll(arg(3, "3000000")), std::stoi(arg(4, "200")), std::stoi(arg(5, "5000")),
                   std::stoull(arg(6, "150000")), std::stod(arg(7, "0.1")));
    }
  } catch (const std::exception& error) {
    std::cout << "failed: " << error.what() << std::endl;
    return 3;
  }
  return 2;
}
