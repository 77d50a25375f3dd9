#include "connector/sync_options.h"

#include "options/binding.h"

namespace weir::connector {
namespace {

using options::Option;
using options::ValueType;

std::vector<Option> batch_options() {
  return {
      {.name = "max_rows_per_batch",
       .type = ValueType::integer,
       .doc =
           "Changes that are landed in one transaction, as long as the source's transactions end; a larger one of the "
           "source is landed whole.",
       .example = "10000",
       .default_value = 50'000,
       .minimum = 1,
       .maximum = 1'000'000},
      {.name = "max_batch_mb",
       .type = ValueType::integer,
       .doc = "The same in megabytes of changes.",
       .example = "8",
       .default_value = 32,
       .minimum = 1,
       .maximum = 1'024},
      {.name = "max_delay_ms",
       .type = ValueType::integer,
       .doc = "How long a change may wait for others before it is landed.",
       .example = "50",
       .default_value = 200,
       .minimum = 0,
       .maximum = 60'000},
      {.name = "spill_memory_mb",
       .type = ValueType::integer,
       .doc = "Memory for transactions that the source sends while they are still open; what is more waits on disk.",
       .example = "256",
       .default_value = 64,
       .minimum = 1,
       .maximum = 65'536},
      {.name = "silence_max_seconds",
       .type = ValueType::integer,
       .doc = "A source from which nothing comes for so long, not even a sign of life, is taken for lost.",
       .example = "300",
       .default_value = 120,
       .minimum = 5,
       .maximum = 3'600},
      {.name = "snapshot_tables_max",
       .type = ValueType::integer,
       .doc = "Tables whose first copy is read at the same time; each may use several connections "
              "(connection.scan_streams_max).",
       .example = "4",
       .default_value = 2,
       .minimum = 1,
       .maximum = 16},
  };
}

std::vector<Option> landing_options() {
  return {
      {.name = "landing",
       .doc = "'hot' lands every batch in a table in front of the lake and folds it into the lake from time to time; "
              "'direct' lands it in the lake itself, so that other programs see every commit, for up to twelve times "
              "the work (docs/cdc.md). Another landing makes the copies anew.",
       .example = "hot",
       .default_value = "hot",
       .choices = {"hot", "direct"}},
      {.name = "fold_rows",
       .type = ValueType::integer,
       .doc = "A hot table with so many rows is folded into the lake: more cost queries, fewer cost the machine.",
       .example = "50000",
       .default_value = 150'000,
       .minimum = 1'000,
       .maximum = 10'000'000},
      {.name = "fold_after_ms",
       .type = ValueType::integer,
       .doc = "A hot table is folded, however small, when it has got nothing new for so long.",
       .example = "60000",
       .default_value = 5'000,
       .minimum = 100,
       .maximum = 86'400'000},
      {.name = "tombstones_kept_hours",
       .type = ValueType::integer,
       .doc = "How long raw(…) shows deleted rows.",
       .example = "24",
       .default_value = 168,
       .minimum = 0,
       .maximum = 87'600},
      {.name = "snapshots_kept_hours",
       .type = ValueType::integer,
       .doc =
           "How long older versions can be read with AT, at least: the longest of all connectors holds for the lake.",
       .example = "24",
       .default_value = 168,
       .minimum = 1,
       .maximum = 87'600},
  };
}

std::vector<Option> watch_options() {
  return {
      {.name = "heartbeat_seconds",
       .type = ValueType::integer,
       .doc =
           "How often a small message is written to the source, so that an idle database lets go of its log; 0 never.",
       .example = "60",
       .default_value = 30,
       .minimum = 0,
       .maximum = 3'600},
      {.name = "stall_after_seconds",
       .type = ValueType::integer,
       .doc = "A stream that lands nothing for so long, although the source has more, makes /ready false.",
       .example = "300",
       .default_value = 60,
       .minimum = 5,
       .maximum = 86'400},
      {.name = "wal_warn_mb",
       .type = ValueType::integer,
       .doc = "A warning when the source keeps so many megabytes of its log for us.",
       .example = "5000",
       .default_value = 10'000,
       .minimum = 1,
       .maximum = 100'000'000},
      {.name = "wal_drop_mb",
       .type = ValueType::integer,
       .doc = "When the source keeps more than this for us, its disk comes first: the slot is dropped, and the tables "
              "take "
              "a resync. 0 never drops.",
       .example = "50000",
       .default_value = 0,
       .minimum = 0,
       .maximum = 100'000'000},
  };
}

const options::Binding<SyncOptions>& binding() {
  static const auto binding = options::Binding<SyncOptions>()
                                  .field("sync.tables", &SyncOptions::table_names)
                                  .field("sync.max_rows_per_batch", &SyncOptions::rows_per_batch_max)
                                  .field("sync.max_batch_mb", &SyncOptions::batch_mb_max)
                                  .field("sync.max_delay_ms", &SyncOptions::delay_max)
                                  .field("sync.snapshot_tables_max", &SyncOptions::snapshot_tables_max)
                                  .field("sync.spill_memory_mb", &SyncOptions::spill_memory_mb)
                                  .field("sync.silence_max_seconds", &SyncOptions::silence_max)
                                  .field("sync.landing", &SyncOptions::landing)
                                  .field("sync.fold_rows", &SyncOptions::fold_rows)
                                  .field("sync.fold_after_ms", &SyncOptions::fold_after)
                                  .field("sync.tombstones_kept_hours", &SyncOptions::tombstones_kept)
                                  .field("sync.snapshots_kept_hours", &SyncOptions::snapshots_kept)
                                  .field("sync.heartbeat_seconds", &SyncOptions::heartbeat)
                                  .field("sync.stall_after_seconds", &SyncOptions::stall_after)
                                  .field("sync.wal_warn_mb", &SyncOptions::wal_warn_mb)
                                  .field("sync.wal_drop_mb", &SyncOptions::wal_drop_mb);
  return binding;
}

}  // namespace

std::vector<plan::TableName> SyncOptions::tables() const {
  std::vector<plan::TableName> tables;
  for (const auto& name : table_names) {
    const auto dot = name.find('.');
    tables.push_back({name.substr(0, dot), name.substr(dot + 1)});
  }
  return tables;
}

GroupLimits SyncOptions::limits() const {
  GroupLimits limits;
  limits.rows_max = static_cast<uint64_t>(rows_per_batch_max);
  limits.bytes_max = static_cast<uint64_t>(batch_mb_max) << 20;
  limits.age_max = delay_max;
  limits.spill_memory_bytes = static_cast<uint64_t>(spill_memory_mb) << 20;
  limits.silence_max = silence_max;
  return limits;
}

std::vector<options::Option> sync_options() {
  std::vector<Option> all = {{.name = "tables",
                              .type = ValueType::string_list,
                              .doc = "The tables to be copied, as schema.table.",
                              .example = R"(["public.users"])"}};
  for (const auto& more : {batch_options(), landing_options(), watch_options()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

Result<SyncOptions> read_sync_options(const nlohmann::json& body) { return binding().read(body); }

}  // namespace weir::connector
