/// The shape of a copied table as JSON, so that a restart knows it as it was.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connector/changes.h"

namespace weir::sync {

/// What a copy's two tables look like.
struct CopyShape {
  connector::ChangeTablePtr table;
  std::vector<plan::Column> dropped;  ///< columns that the source has no more; they stay in the copy

  /// The columns of the copy: the source's, then the dropped ones.
  std::vector<plan::Column> stored() const;
};

std::string to_text(const CopyShape& shape);
/// Errors: data_dir_damaged.
Result<CopyShape> shape_of(const plan::TableName& name, std::string_view text);

}  // namespace weir::sync
