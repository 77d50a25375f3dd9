#include "connectors/postgres/text_casts.h"

namespace weir::postgres {

void RawValues::append(const pgoutput::Value& value) {
  if (value.is_sent()) bytes_.append(value.data, static_cast<size_t>(value.length));
  values_.push_back({value.is_sent() ? value.form : Form::null, bytes_.size()});
}

void RawValues::append_again(int64_t row) {
  const auto earlier = static_cast<size_t>(row);
  const std::string value(bytes(earlier));
  bytes_ += value;
  values_.push_back({values_[earlier].form, bytes_.size()});
}

}  // namespace weir::postgres
