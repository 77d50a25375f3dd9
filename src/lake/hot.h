/// The hot database: native tables in front of the lake's copies of synced tables, one file `hot.duckdb` beside the
/// catalog.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace weir::lake {

/// The hot database in SQL: its schemas and tables are named as the copies in the lake.
inline constexpr std::string_view kHotCatalog = "__weir_hot";

/// The lake's schema of a source's schema: `pg_prod.public`.
std::string copy_schema(std::string_view connector, std::string_view schema);
/// The connector whose live copies a schema of the lake holds; empty: none. A dot in a schema's name is kept for them.
std::string_view copy_connector(std::string_view lake_schema);

/// Guards readers of copies against a fold between their two snapshots (hot database, lake): a reader notes the epoch
/// before it takes them and asks again after. Process-wide, thread-safe.
class FoldEpoch {
 public:
  /// Where it stands now, for `still`.
  uint64_t now() const;
  /// Whether a reader that began at `seen` has two snapshots of one state.
  bool still(uint64_t seen) const;
  /// Waits while a switch is under way, up to `limit`; false: one is.
  bool settles(std::chrono::milliseconds limit) const;

  /// Held by a landing from before the lake's commit of a fold until after the hot database's. One at a time.
  class Switch {
   public:
    explicit Switch(FoldEpoch& epoch);
    ~Switch();
    Switch(const Switch&) = delete;
    Switch& operator=(const Switch&) = delete;

   private:
    FoldEpoch& epoch_;
  };

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  uint64_t switches_ = 0;  ///< odd while one is under way
};

}  // namespace weir::lake
