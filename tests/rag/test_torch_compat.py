from rag import torch_compat
from rag.torch_compat import make_torchvision_importable


def test_torchvision_imports_beside_any_torch_and_asking_again_changes_nothing() -> None:
    make_torchvision_importable()
    declared = len(torch_compat._declared)
    import torchvision.transforms

    assert torchvision.transforms.Resize(3).size == 3
    make_torchvision_importable()
    assert len(torch_compat._declared) == declared <= 1
