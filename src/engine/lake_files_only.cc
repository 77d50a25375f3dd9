#include "engine/lake_files_only.h"

#include <algorithm>

#include <duckdb/common/opener_file_system.hpp>
#include <duckdb/main/client_data.hpp>

namespace weir::engine {
namespace {

using duckdb::FileOpener;
using duckdb::FileSystem;
using duckdb::optional_ptr;
using duckdb::unique_ptr;

/// DuckDB's own file system of a connection does the same without looking at the path.
class LakeFilesOnly final : public duckdb::OpenerFileSystem {
 public:
  LakeFilesOnly(duckdb::ClientContext& client, const std::filesystem::path& extents)
      : client_(client), extents_(extents) {}

  FileSystem& GetFileSystem() const override { return *duckdb::DBConfig::GetConfig(client_).file_system; }
  optional_ptr<FileOpener> GetOpener() const override { return duckdb::ClientData::Get(client_).file_opener.get(); }

  bool DirectoryExists(const std::string& directory, optional_ptr<FileOpener> opener) override {
    check(directory);
    return OpenerFileSystem::DirectoryExists(directory, opener);
  }
  void CreateDirectory(const std::string& directory, optional_ptr<FileOpener> opener) override {
    check(directory);
    OpenerFileSystem::CreateDirectory(directory, opener);
  }
  void RemoveDirectory(const std::string& directory, optional_ptr<FileOpener> opener) override {
    check(directory);
    OpenerFileSystem::RemoveDirectory(directory, opener);
  }
  void MoveFile(const std::string& source, const std::string& target, optional_ptr<FileOpener> opener) override {
    check(source);
    check(target);
    OpenerFileSystem::MoveFile(source, target, opener);
  }
  bool FileExists(const std::string& file, optional_ptr<FileOpener> opener) override {
    check(file);
    return OpenerFileSystem::FileExists(file, opener);
  }
  bool IsPipe(const std::string& file, optional_ptr<FileOpener> opener) override {
    check(file);
    return OpenerFileSystem::IsPipe(file, opener);
  }
  void RemoveFile(const std::string& file, optional_ptr<FileOpener> opener) override {
    check(file);
    OpenerFileSystem::RemoveFile(file, opener);
  }
  bool TryRemoveFile(const std::string& file, optional_ptr<FileOpener> opener) override {
    check(file);
    return OpenerFileSystem::TryRemoveFile(file, opener);
  }
  void RemoveFiles(const duckdb::vector<std::string>& files, optional_ptr<FileOpener> opener) override {
    for (const auto& file : files) check(file);
    OpenerFileSystem::RemoveFiles(files, opener);
  }
  duckdb::vector<duckdb::OpenFileInfo> Glob(const std::string& pattern, FileOpener* opener) override {
    check(pattern);
    return OpenerFileSystem::Glob(pattern, opener);
  }

 protected:
  unique_ptr<duckdb::FileHandle> OpenFileExtended(const duckdb::OpenFileInfo& file, duckdb::FileOpenFlags flags,
                                                  optional_ptr<FileOpener> opener) override {
    check(file.path);
    return OpenerFileSystem::OpenFileExtended(file, flags, opener);
  }
  bool ListFilesExtended(const std::string& directory, const std::function<void(duckdb::OpenFileInfo&)>& callback,
                         optional_ptr<FileOpener> opener) override {
    check(directory);
    return OpenerFileSystem::ListFilesExtended(directory, callback, opener);
  }
  unique_ptr<duckdb::MultiFileList> GlobFilesExtended(const std::string& pattern, const duckdb::FileGlobInput& input,
                                                      optional_ptr<FileOpener> opener) override {
    check(pattern);
    return OpenerFileSystem::GlobFilesExtended(pattern, input, opener);
  }

 private:
  /// By the path's own components alone: asking the disk about it would already tell something.
  void check(const std::string& path) const {
    const std::filesystem::path asked(path);
    const bool climbs = std::ranges::find(asked, "..") != asked.end();
    const auto [end, unused] = std::mismatch(extents_.begin(), extents_.end(), asked.begin(), asked.end());
    if (end == extents_.end() && !climbs) return;
    throw duckdb::PermissionException("reading files is not allowed for the role of the token");
  }

  duckdb::ClientContext& client_;
  const std::filesystem::path extents_;
};

}  // namespace

void keep_to_lake_files(duckdb::ClientContext& client, const std::filesystem::path& extents) {
  client.client_data->client_file_system = duckdb::make_uniq<LakeFilesOnly>(client, extents);
}

}  // namespace weir::engine
