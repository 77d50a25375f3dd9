/// Values whose text only the source knows: it casts them as it does in a snapshot (TYPES.md, "cast to text").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/pgoutput_message.h"
#include "plan/scan.h"

namespace weir::postgres {

/// The values of one column as they came, in order.
class RawValues {
 public:
  using Form = pgoutput::Value::Form;

  void append(const pgoutput::Value& value);
  void append_null() { append({}); }
  void append_again(int64_t row);

  size_t size() const { return values_.size(); }
  Form form(size_t row) const { return values_[row].form; }
  std::string_view bytes(size_t row) const {
    const size_t from = row == 0 ? 0 : values_[row - 1].end;
    return std::string_view(bytes_).substr(from, values_[row].end - from);
  }

 private:
  struct Place {
    Form form;
    size_t end;
  };
  std::string bytes_;
  std::vector<Place> values_;
};

/// Values in the wire form that a snapshot has for the column: `text`, or `text[]` for lists.
using CastValues = std::vector<std::optional<std::string>>;

/// Asks the source.
class TextCasts {
 public:
  virtual ~TextCasts() = default;
  /// One for each of `values`. Errors: source_*, schema_drift.
  virtual Result<CastValues> cast(uint32_t type_oid, const plan::Column& column, const RawValues& values) = 0;
};

}  // namespace weir::postgres
