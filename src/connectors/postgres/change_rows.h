/// Events of one table, gathered into the columns of a RowChanges.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "batch/column_builder.h"
#include "connectors/postgres/followed_table.h"
#include "connectors/postgres/key_index.h"
#include "connectors/postgres/text_casts.h"
#include "connectors/postgres/value_decoder.h"

namespace weir::postgres {

/// The transaction that events belong to, and how many there were.
struct EventStamp {
  Lsn commit;
  int64_t committed_at = 0;  ///< microseconds since 1970
  uint32_t next = 0;         ///< the next event's place in the transaction

  /// `_kyma_lsn` of the next event, which this counts.
  std::string_view take();

 private:
  char text_[25] = {};
  Lsn written_;  // the commit whose digits stand in `text_`
};

/// One thread. Errors of `apply`: value_out_of_range, schema_drift (malformed values), internal; after one it is of no
/// use. Memory that runs out throws std::bad_alloc.
class ChangeRows {
 public:
  explicit ChangeRows(FollowedTablePtr followed);

  /// One event, or two when the key changes.
  Status apply(const pgoutput::Row& row, EventStamp& stamp);

  const FollowedTable& followed() const { return *followed_; }
  int64_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }

  /// What has been gathered; of no use afterwards. Errors: those of TextCasts::cast and of `apply`.
  Result<connector::RowChanges> take(TextCasts& casts);

 private:
  struct Field {
    ValueDecoder decode;
    batch::ColumnBuilder column;
    bool is_jsonb = false;
    std::optional<RawValues> raw;  ///< the source must cast the values first
    /// Rows with many bytes in this column, in order, and how many.
    std::vector<std::pair<int64_t, uint32_t>> large = {};

    uint64_t bytes_of(int64_t row) const;
  };
  /// What a row does not say about itself.
  struct Unknown {
    std::vector<size_t> columns;
    int64_t moved_from = KeyIndex::kNone;  ///< the delete of the key under which the values are known
  };
  /// The row to take values from that an event does not carry.
  struct Earlier {
    const pgoutput::Tuple* old_row = nullptr;
    int64_t row = KeyIndex::kNone;
    int64_t moved_from = KeyIndex::kNone;
  };

  Status check_width(const pgoutput::Row& row) const;
  Status make_key(const pgoutput::Tuple& tuple, const pgoutput::Tuple* instead, std::string& key) const;
  Status append_delete(const pgoutput::Tuple& old_row, const pgoutput::Tuple* instead, EventStamp& stamp);
  Status append_row(std::string_view operation, const pgoutput::Tuple& tuple, const Earlier& earlier,
                    EventStamp& stamp);
  Status append_value(size_t index, const pgoutput::Value& value);
  void append_null(size_t index);
  bool append_known(size_t index, const Earlier& earlier);
  void append_stamp(std::string_view operation, EventStamp& stamp);
  void put_key(std::string_view key);
  Status cast_column(size_t index, TextCasts& casts);
  batch::OwnedArray take_last();
  batch::OwnedArray take_unchanged();
  batch::OwnedArray take_moved_from();

  const FollowedTablePtr followed_;
  std::vector<int> origins_;  ///< for each column of the table its place in the source's rows
  std::vector<Field> fields_;
  batch::ColumnBuilder operation_, lsn_, committed_at_;
  std::vector<bool> last_;
  std::map<int64_t, Unknown> unknown_;
  KeyIndex index_;
  std::string key_, old_key_;  // of the event at hand
  int64_t rows_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace weir::postgres
